"""The datasets of the volume, each with a sign of how it is."""

from __future__ import annotations

import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded
from dashboard.i18n import tr
from dashboard.plain import Markdown, joined, plain
from dashboard.widgets.formats import plural
from pipeline.actions.inspections import Inspection
from pipeline.core.volume.paths import Choice

_REFRESH_S = 2.0
_TOTALS = ("images", "instances")


def show_list(choices: list[Choice], chosen: str) -> None:
    """List datasets; a click chooses one. While some are being read the list looks again."""
    inspections = services.inspections()
    is_waiting = any(inspections.known(choice.path).report is None for choice in choices)
    every = _REFRESH_S if is_waiting else None
    st.fragment(guarded(lambda: _entries(choices, chosen)), run_every=every)()


def size_of(found: Inspection) -> Markdown:
    """Give images and instances in words; nothing when they are not known."""
    if found.report is None or not found.report.splits:
        return Markdown()
    splits = found.report.splits.values()
    images, instances = (sum(getattr(split, of) for split in splits) for of in _TOTALS)
    return Markdown(f"{plural(images, 'image')} · {plural(instances, 'instance')}")


def _entries(choices: list[Choice], chosen: str) -> None:
    with st.container(border=True, key="datasets-list"):
        for choice in choices:
            found = services.inspections().known(choice.path)
            icon, sign = _health(found)
            name = plain(choice.name)
            label = f":blue[**{name}**]" if choice.name == chosen else name
            with st.container(gap=None):
                if st.button(label, key=f"datasets.open.{choice.name}", type="tertiary", icon=icon):
                    _choose(choice.name)
                st.caption(joined(" · ", [plain(sign), size_of(found)]))


def _health(found: Inspection) -> tuple[str, Markdown]:
    """Give icon and words for how a dataset is."""
    if found.report is None:
        if found.failure:
            return ":material/error:", tr(":red[cannot be read]")
        return ":material/hourglass_top:", tr(":gray[being read]")
    counts = {"error": 0, "warning": 0}
    for finding in found.report.all_findings:
        if finding.severity in counts:
            counts[finding.severity] += 1
    if counts["error"]:
        return ":material/error:", Markdown(f":red[{plural(counts['error'], 'error')}]")
    if counts["warning"]:
        return ":material/warning:", Markdown(f":orange[{plural(counts['warning'], 'warning')}]")
    return ":material/check_circle:", tr(":green[ready]")


def _choose(name: str) -> None:
    """Show another dataset; the filters of this one do not stay."""
    state.replace_url({state.DATA: name, state.PART: state.url_text(state.PART)})
    st.session_state.pop(state.PAGE, None)
    st.rerun()
