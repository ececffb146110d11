"""The deep check from the launch form: every image is opened in the background."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import services
from dashboard.errors import guarded
from dashboard.i18n import tr
from dashboard.plain import plain
from dashboard.widgets.dataset.reading import REFRESH_S, show_reading
from dashboard.widgets.formats import ago, exact
from pipeline.actions.launching.launches import Plan
from pipeline.core.findings import has_errors, ordered

if TYPE_CHECKING:
    from pipeline.actions.inspections import Inspection  # polars takes a while to import


def with_images(plan: Plan) -> Plan:
    """Give the plan with what the images say, as long as they were checked for this data."""
    found = _known(plan)
    if found is None or found.report is None or not _is_checked(plan, found):
        return plan
    known = frozenset(plan.findings)
    more = [finding for finding in found.report.findings if finding not in known]
    findings = tuple(ordered([*plan.findings, *more]))
    return replace(plan, findings=findings, ok=plan.ok and not has_errors(more))


def show(plan: Plan) -> None:
    """Show the button, how far the check is, or when it was done."""
    found = _known(plan)
    if found is None:
        return
    path = plan.resolved["data_yaml"]
    if found.is_running and found.is_deep:
        _watch(path)
    elif _is_checked(plan, found):
        when = tr("Every image was opened {ago}.", ago=ago(found.deep_at))
        st.caption(when, help=exact(found.deep_at))
    else:
        if found.failure:
            st.caption(plain(found.failure))
        st.button(
            tr("Check the images too"),
            icon=":material/image_search:",
            type="tertiary",
            key="launch.images",
            help=tr("Opens every image: damaged ones, and the same content in two splits"),
            on_click=services.inspections().open_images,
            args=(path,),
        )


def _known(plan: Plan) -> Inspection | None:
    """Give what is known of the plan's data; None when it cannot be read."""
    if plan.report is None or not plan.report.splits:
        return None
    return services.inspections().known(plan.resolved["data_yaml"])


def _is_checked(plan: Plan, found: Inspection) -> bool:
    """Say whether the images were opened with the lists and labels that there are now."""
    is_same = plan.report and found.report and found.report.fingerprint == plan.report.fingerprint
    return bool(found.deep_at and is_same)


def _watch(path: str) -> None:
    """Show how far the check is; draw the page again when it is over."""

    @st.fragment(run_every=REFRESH_S)
    @guarded
    def watch() -> None:
        found = services.inspections().known(path)
        if not found.is_running:
            st.rerun()
        show_reading(path, found, key="launch.images.stop")

    watch()
