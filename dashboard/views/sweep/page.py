"""A sweep: how each of its runs is doing, what each model and cfg comes to; stop and retry all."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded, show_error
from dashboard.i18n import marked, tr
from dashboard.plain import Markdown, joined, plain
from dashboard.views.compare.page import MAX_RUNS
from dashboard.widgets.findings import show_findings
from dashboard.widgets.formats import ago, exact, plural
from dashboard.widgets.outages import show_outages
from dashboard.widgets.rows import rows_key
from dashboard.widgets.runs.sweep_table import sweep_table
from dashboard.widgets.states import state_counts
from pipeline.actions.installation import Installation
from pipeline.actions.launching import sweep as sweeping
from pipeline.actions.runs.sweep_runs import SweepRuns, retry_failed, show_sweep, stop_all
from pipeline.core.errors import SlipwayError
from pipeline.core.launch.sweep import list_sweeps
from pipeline.core.states import State

REFRESH_S = 3
_LIVE, _DIALOG = "sweep.live", "sweep.dialog"
_COLUMNS = (
    *(marked("sweep"), marked("runs"), marked("data")),
    *(marked("engine"), marked("by"), marked("started")),
)


def render() -> None:
    """Show the sweep that the URL names, or all of them."""
    name = state.url_text(state.SWEEP)
    if not name:
        _list()
        return
    failure = st.session_state.pop(state.SWEEP_FAILURE, None)
    if failure:
        show_error(failure)
    is_live = st.session_state.get(_LIVE, True)
    st.fragment(guarded(lambda: _matrix(name)), run_every=REFRESH_S if is_live else None)()
    if st.session_state.get(_DIALOG) == name:
        st.dialog(tr("Stop all its runs?"), on_dismiss=_close)(guarded(_confirm_stop))(name)


def _matrix(name: str) -> None:
    found = show_sweep(services.here(), name)
    is_live = bool(found.live)
    if is_live != st.session_state.get(_LIVE, True):
        st.session_state[_LIVE] = is_live
        st.rerun()  # the whole page, so that it starts or ends to refresh
    show_outages(found.outages)
    _head(found)
    chosen = sweep_table(found, key=f"sweep.table.{name}")
    if chosen:
        state.open_run(chosen)
    reached = [run.best for run in found.runs.values() if run.best is not None]
    marks = tr("★ best run and best mean")
    if reached and not any(reached):
        marks = tr("nothing detected yet")
    parts = (tr("mAP50-95, best on val so far"), marks, tr("click a cell to open its run"))
    st.caption(" · ".join(parts))
    _actions(found)


def _head(found: SweepRuns) -> None:
    sweep = found.sweep
    st.subheader(tr("Sweep {name}", name=sweep.name), anchor=False)
    shared = [names.pop() for names in _axes(found) if len(names) == 1]
    parts = (sweep.user, sweep.engine, *shared, sweep.base.data, ago(sweep.created_at))
    st.caption(plain(" · ".join(part for part in parts if part)), help=exact(sweep.created_at))
    counts = state_counts([run.state for run in found.runs.values() if run.state])
    missing = len(found.in_state(None))
    lacking = tr("**{count}** not started", count=missing) if missing else Markdown()
    st.markdown(joined(" · ", [counts, lacking]))


def _axes(found: SweepRuns) -> tuple[set[str], set[str]]:
    """Give its models and its cfgs."""
    return {entry.model for entry in found.runs}, {entry.cfg for entry in found.runs}


def _actions(found: SweepRuns) -> None:
    name = found.sweep.name
    launches = _for_comparison(found)
    broken = len(found.in_state(State.FAILED, State.STOPPED))
    missing = len(found.in_state(None))
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            tr("Compare"),
            icon=":material/compare_arrows:",
            type="primary",
            disabled=len(launches) < 2,
            help=tr("The {count} best of its runs, seeds joined", count=len(launches)),
        ):
            state.open_compare(launches, joins_seeds=True)
        if missing and st.button(
            tr("Start {runs}", runs=plural(missing, "missing run")),
            icon=":material/rocket_launch:",
            key="sweep.resume",
        ):
            _resume(name)
        if broken and st.button(
            tr("Retry {runs}", runs=plural(broken, "failed or stopped run")),
            icon=":material/replay:",
            key="sweep.retry",
        ):
            _do(retry_failed, name)
        if found.live and st.button(
            tr("Stop all"), icon=":material/stop:", key="sweep.stop", help=tr("Asks once more")
        ):
            st.session_state[_DIALOG] = name
            st.rerun()  # the whole page: a dialog stands outside of what refreshes
        if st.button(tr("In the list of runs"), icon=":material/list:", key="sweep.runs"):
            state.open_runs(f"tag:{name}")
        if st.button(tr("All sweeps"), icon=":material/grid_view:", key="sweep.all"):
            state.open_sweep()


def _for_comparison(found: SweepRuns) -> list[str]:
    """Give the runs that have begun, the best first, as many as can be compared."""
    begun = [run for run in found.runs.values() if run.row and run.row.facts.started_at]
    begun.sort(key=lambda run: -(run.best or 0.0))
    return [run.launch for run in begun[:MAX_RUNS]]


def _resume(name: str) -> None:
    with st.spinner(tr("Starting")):
        try:
            here = services.as_user()
            plan = sweeping.resume(here, name)
            if not plan.ok:
                show_findings(plan.findings)
                return
            sweeping.start(here.on(plan.engine), plan)
        except SlipwayError as reason:
            show_error(reason)
            return
    st.rerun()


def _do(action: Callable[[Installation, str], SweepRuns], name: str) -> None:
    try:
        action(services.here(), name)
    except SlipwayError as reason:
        show_error(reason)
        return
    st.rerun()


def _confirm_stop(name: str) -> None:
    live = len(show_sweep(services.here(), name).live)
    st.write(
        tr(
            "{runs} that wait or run will be stopped. What they have trained stays, and "
            "*Retry* goes on from there.",
            runs=plural(live, "run"),
        )
    )
    if st.button(tr("Stop {runs}", runs=plural(live, "run")), type="primary", key="sweep.stop_now"):
        _close()
        with st.spinner(tr("Stopping")):
            _do(stop_all, name)


def _close() -> None:
    st.session_state.pop(_DIALOG, None)


def _list() -> None:
    found, wrong = list_sweeps(services.here().volume)
    for reason in wrong:
        show_error(reason)
    if not found:
        st.subheader(tr("No sweeps yet"))
        st.write(
            tr(
                "A sweep is one run for each combination of models, cfgs and seeds. On the launch "
                "page, switch *Sweep* on and choose them."
            )
        )
        if st.button(tr("Go to Launch"), icon=":material/rocket_launch:", type="primary"):
            state.open_launch()
        return
    st.subheader(tr("Sweeps"), anchor=False)
    table = pd.DataFrame(
        {
            "sweep": [sweep.name for sweep in found],
            "runs": [len(sweep.launches) for sweep in found],
            "data": [sweep.base.data for sweep in found],
            "engine": [sweep.engine for sweep in found],
            "by": [sweep.user for sweep in found],
            "started": [ago(sweep.created_at) for sweep in found],
        }
    )
    config = {name: st.column_config.Column(tr(name)) for name in _COLUMNS}
    event = st.dataframe(
        table,
        hide_index=True,
        column_config=config,
        on_select="rerun",
        selection_mode="single-cell",
        key=rows_key("sweep.list", [sweep.name for sweep in found]),
    )
    if event["selection"]["cells"]:
        state.open_sweep(found[event["selection"]["cells"][0][0]].name)
    st.caption(tr("Click a sweep to open it."))
