"""All runs: what runs, how well, what needs me."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import services, state
from dashboard.errors import guarded, show_error
from dashboard.widgets.formats import ago, duration, elapsed_s
from dashboard.widgets.outages import show_outages
from dashboard.widgets.states import progress, state_counts, state_text
from pipeline.actions import runs
from pipeline.core.errors import SlipwayError
from pipeline.core.states import State

REFRESH_S = 3
_STATES = ("", "running", "pending", "succeeded", "failed", "stopped")
_PAGE = 50


def render() -> None:
    """Show the list, fresh every few seconds."""
    header = st.container(horizontal=True, vertical_alignment="bottom")
    wanted = header.selectbox(
        "State",
        _STATES,
        format_func=lambda name: State(name).label if name else "any state",
        key="runs_state",
        bind="query-params",
        width=180,
    )
    text = header.text_input(
        "Filter",
        placeholder="launch, model, data or user",
        key="runs_filter",
        bind="query-params",
        width=360,
    )
    limit = header.selectbox(
        "Show", (_PAGE, 200, 1000), key="runs_limit", bind="query-params", width=110
    )
    engine = _engine_filter(header)
    st.fragment(guarded(_list), run_every=REFRESH_S)(
        wanted or "", text or "", limit or _PAGE, engine
    )


def _engine_filter(header: DeltaGenerator) -> str:
    engines = services.settings().engines
    if len(engines) == 1:
        return ""
    chosen = header.selectbox(
        "Engine",
        ("", *engines),
        format_func=lambda name: name or "all engines",
        key="runs_engine",
        bind="query-params",
        width=150,
    )
    return chosen or ""


def _list(wanted: str, text: str, limit: int, engine: str) -> None:
    settings = services.settings()
    asked = replace(settings, engines=(engine,), engine=engine) if engine else settings
    found = runs.listing(asked, state=wanted, limit=limit)
    show_outages(found.outages)
    shown = [row for row in found.rows if text.lower() in _searchable(row)]
    if not shown:
        if not found.outages:
            _show_empty(is_filtered=bool(wanted or text or engine))
        return
    st.markdown(state_counts([row["state"] for row in shown]))
    event = st.dataframe(
        _table(shown),
        hide_index=True,
        height=min(38 + 35 * len(shown), 560),
        column_config=_columns(),
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"],
        placeholder="",
        key="runs_table",
    )
    selection: Any = event["selection"]
    if selection["cells"]:
        state.open_run(shown[selection["cells"][0][0]]["launch"])
    _show_actions([shown[index] for index in selection["rows"] if index < len(shown)])


def _searchable(row: dict[str, Any]) -> str:
    keys = ("launch", "run", "engine", "user", "model", "cfg", "data")
    return " ".join(str(row.get(key, "")) for key in keys).lower()


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "state": [state_text(row["state"]) for row in rows],
            "launch": [row["launch"] or row["run"] for row in rows],
            "steps": [progress(row["steps"]) for row in rows],
            "mAP50-95": [row["metrics"].get("mAP50-95") for row in rows],
            "so far": [row["curve"] or None for row in rows],
            "test mAP": [row["test"]["mAP50-95"] for row in rows],
            "time": [duration(elapsed_s(row["started_at"], row["finished_at"])) for row in rows],
            "started": [ago(row["started_at"]) for row in rows],
            "by": [row["user"] for row in rows],
            "data": [row["data"] for row in rows],
            "model": [row["model"] for row in rows],
            "why": [row["message"] for row in rows],
        }
    )
    if len(services.settings().engines) > 1:
        table.insert(2, "engine", [row["engine"] for row in rows])
    return table


def _columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "state": config.TextColumn(width=85, pinned=True),
        "launch": config.TextColumn(width=280, help="Click a cell to open the run"),
        "engine": config.TextColumn(width=75),
        "steps": config.ProgressColumn(width=95, min_value=0, max_value=100, format="%d%%"),
        "mAP50-95": config.NumberColumn(width=80, format="%.3f", help="Best on val so far"),
        "so far": config.LineChartColumn(width=90, y_min=0, help="mAP50-95 by epoch"),
        "test mAP": config.NumberColumn(width=80, format="%.3f", help="mAP50-95 of best.pt"),
        "model": config.TextColumn(width=150),
        "data": config.TextColumn(width=100),
        "by": config.TextColumn(width=70),
        "started": config.TextColumn(width=95),
        "time": config.TextColumn(width=65),
        "why": config.TextColumn(width=260),
    }


def _show_actions(selected: list[dict[str, Any]]) -> None:
    if not selected:
        st.caption("Click a run to open it; tick runs to stop or retry them.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"selected **{len(selected)}**")
        running = [row for row in selected if not State(row["state"]).is_finished]
        failed = [row for row in selected if row["state"] in (State.FAILED, State.STOPPED)]
        if st.button("Stop", icon=":material/stop:", disabled=not running):
            _for_each(running, runs.stop)
        if st.button("Retry", icon=":material/replay:", disabled=not failed):
            _for_each(failed, runs.retry)


def _for_each(rows: list[dict[str, Any]], action: Any) -> None:
    for row in rows:
        try:
            action(services.settings(), row["run"])
        except SlipwayError as reason:
            show_error(reason)
            return
    st.rerun(scope="fragment")


def _show_empty(*, is_filtered: bool) -> None:
    if is_filtered:
        st.info("No run fits this filter. Clear it to see all runs.", icon=":material/filter_alt:")
        return
    st.subheader("No runs yet")
    st.write("Every launch is listed here, with its steps and metrics while it runs.")
    if st.button("Launch the first run", icon=":material/rocket_launch:", type="primary"):
        state.open_launch()
