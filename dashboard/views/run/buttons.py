"""What can be done with a run, as buttons behind its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import services, state
from dashboard.errors import show_error
from dashboard.i18n import tr
from dashboard.plain import web_address
from dashboard.views.runs.actions import open_dialog
from pipeline.actions.runs import change
from pipeline.actions.runs.from_mlflow import is_elsewhere
from pipeline.core.errors import SlipwayError
from pipeline.core.launch.kinds.registry import kind_with
from pipeline.core.states import State
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.server import server_state


def show_buttons(run: dict[str, Any]) -> None:
    """Offer what the run's state allows."""
    if is_elsewhere(run["run"]):
        _link_to_mlflow(run)
        return
    is_over = State(run["state"]).is_finished
    if not is_over and st.button(tr("Stop"), icon=":material/stop:", key="stop"):
        _do(change.stop, run)
    can_retry = run["state"] in (State.FAILED, State.STOPPED)
    if can_retry and st.button(tr("Retry"), icon=":material/replay:", key="retry"):
        _do(change.retry, run)
    kind = kind_with([step["name"] for step in run["steps"]])
    has_form = kind is None or kind.has_form
    if has_form and st.button(tr("Clone and edit"), icon=":material/content_copy:", key="clone"):
        state.open_launch(run["launch"])
    last = RunFolder(Path(run["folder"])).weights("last")
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
        volume = services.volume()
        state.open_launch(run["launch"], model=volume.relative(last))
    best = RunFolder(Path(run["folder"])).weights("best")
    if (
        is_over
        and best.is_file()
        and st.button(tr("Test again"), icon=":material/rule:", key="retest")
    ):
        open_dialog("retest", [run])
    _open_sweep(run)
    _link_to_mlflow(run)
    if is_over and st.button(tr("Delete"), icon=":material/delete:", key="delete"):
        st.dialog(tr("Delete this run?"))(_confirm_delete)(run)


def _open_sweep(run: dict[str, Any]) -> None:
    if run.get("sweep") and st.button(
        tr("Sweep {name}", name=run["sweep"]), icon=":material/grid_view:", key="sweep"
    ):
        state.open_sweep(run["sweep"])


def _link_to_mlflow(run: dict[str, Any]) -> None:
    url = web_address(services.as_seen((run["mlflow"] or {}).get("url") or ""))
    if server_state(services.settings()) == "starting":
        st.button(tr("MLflow is starting"), icon=":material/hourglass_top:", disabled=True)
    elif url:
        st.link_button("MLflow", url, icon=":material/open_in_new:")


def _do(action: Callable[..., Any], run: dict[str, Any]) -> None:
    try:
        action(services.settings(), run["run"])
    except SlipwayError as reason:
        show_error(reason)
        return
    st.rerun()


def _confirm_delete(run: dict[str, Any]) -> None:
    st.write(
        tr(
            "{run} disappears from the list and its files are removed from the "
            "volume. What MLflow has stays there.",
            run=run["launch"] or run["run"],
        )
    )
    if st.button(tr("Delete"), type="primary", icon=":material/delete:", key="delete_confirmed"):
        change.delete(services.settings(), run["run"])
        state.open_runs()
