"""What can be done with a run, as buttons behind its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import services, state
from dashboard.errors import show_error
from dashboard.i18n import tr
from dashboard.plain import web_address
from dashboard.views.runs.actions import Asked, open_dialog
from pipeline.actions.launching.retest import measured_weights
from pipeline.actions.runs import change
from pipeline.actions.runs.model import Origin, RunDetails, RunFacts
from pipeline.core.errors import SlipwayError
from pipeline.core.launch.kinds.registry import kind_with
from pipeline.core.states import State
from pipeline.tracking.server import server_state


def show_buttons(run: RunDetails) -> None:
    """Offer what the run's state allows."""
    facts, folder = run.facts, run.facts.folder
    if folder is None:
        _link_to_mlflow(run)
        return
    is_over = not facts.is_live
    if facts.is_live and st.button(tr("Stop"), icon=":material/stop:", key="stop"):
        _do(change.stop, facts)
    is_known = facts.origin is Origin.ENGINE
    can_retry = is_known and facts.state in (State.FAILED, State.STOPPED)
    if can_retry and st.button(tr("Retry"), icon=":material/replay:", key="retry"):
        _do(change.retry, facts)
    kind = kind_with([step.name for step in facts.steps])
    has_form = kind is None or kind.has_form
    if has_form and st.button(tr("Clone and edit"), icon=":material/content_copy:", key="clone"):
        state.open_launch(facts.launch)
    last = folder.weights("last")
    if (
        is_over
        and last.is_file()
        and st.button(
            tr("Train further"),
            icon=":material/forward:",
            key="further",
            help=tr("A new launch like this one that starts from its last.pt"),
        )
    ):
        volume = services.here().volume
        state.open_launch(facts.launch, model=volume.relative(last))
    if (
        is_over
        and measured_weights(services.here().volume, folder)
        and st.button(tr("Test again"), icon=":material/rule:", key="retest")
    ):
        open_dialog(Asked("retest", [facts]))
    _open_sweep(facts.sweep)
    _link_to_mlflow(run)
    if is_over and st.button(tr("Delete"), icon=":material/delete:", key="delete"):
        st.dialog(tr("Delete this run?"))(_confirm_delete)(facts)


def _open_sweep(name: str) -> None:
    if name and st.button(tr("Sweep {name}", name=name), icon=":material/grid_view:", key="sweep"):
        state.open_sweep(name)


def _link_to_mlflow(run: RunDetails) -> None:
    url = web_address(services.as_seen(run.mlflow.url))
    if server_state(services.here().settings) == "starting":
        st.button(tr("MLflow is starting"), icon=":material/hourglass_top:", disabled=True)
    elif url:
        st.link_button("MLflow", url, icon=":material/open_in_new:")


def _do(action: Callable[..., Any], run: RunFacts) -> None:
    try:
        action(services.here(), run.id)
    except SlipwayError as reason:
        show_error(reason)
        return
    st.rerun()


def _confirm_delete(run: RunFacts) -> None:
    st.write(
        tr(
            "{run} disappears from the list and its files are removed from the "
            "volume. What MLflow has stays there.",
            run=run.launch,
        )
    )
    if st.button(tr("Delete"), type="primary", icon=":material/delete:", key="delete_confirmed"):
        change.delete(services.here(), run.id)
        state.open_runs()
