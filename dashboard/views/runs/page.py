"""All runs: what runs, how well, what needs me."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded
from dashboard.i18n import tr
from dashboard.views.runs import filters
from dashboard.views.runs.actions import show_actions, show_dialog
from dashboard.views.runs.queue import show_queue
from dashboard.widgets.outages import show_outages, show_sync
from dashboard.widgets.rows import chosen_before, rows_key
from dashboard.widgets.runs.compact import show_compact
from dashboard.widgets.runs.reading import Reading
from dashboard.widgets.runs.table import FROM, SEEDS, column_config, run_table
from dashboard.widgets.states import state_counts
from pipeline.actions.runs import page as run_list
from pipeline.actions.runs.model import RunRow
from pipeline.core.states import State

REFRESH_S = 3
_PAGE = 50
# Ticked launches, by name: a run that comes on top must not move the ticks to its neighbours.
_TICKED = "runs.ticked"


def render() -> None:
    """Show the list, fresh every few seconds."""
    st.fragment(guarded(_list), run_every=REFRESH_S)()
    guarded(show_dialog)()


def _list() -> None:
    top = st.container()
    asked = filters.asked()
    narrowed = filters.place(asked.count)
    with narrowed:
        filters.ask_text()
    synced = services.mlflow_sync().look()
    found = run_list.page_of(
        services.here(),
        asked.chosen,
        asked.text,
        page=asked.page,
        size=_PAGE,
        with_archived=asked.with_archived,
        sort=asked.sort,
        joins_seeds=asked.joins_seeds,
        progress=Reading(top),
    )
    with narrowed:
        filters.choose(found, asked.chosen)
        columns = filters.choose_more()
    with top:
        show_outages(found.outages)
        show_sync(synced)
        if found.states:
            _show_counts(found.states)
    if not found.rows:
        if not found.outages:
            _show_empty(
                is_filtered=bool(found.states) or any(asked.chosen.values()) or bool(asked.text)
            )
        return
    if asked.joins_seeds:
        columns.append(SEEDS)
    if any(row.source for row in found.rows):
        columns.append(FROM)
    _runs(found, columns)
    show_queue()


def _show_counts(states: Sequence[State]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(state_counts(states))
        if st.button(tr("Sweeps"), icon=":material/grid_view:", key="runs_sweeps", type="tertiary"):
            state.open_sweep()


def _runs(found: run_list.Page, columns: list[str]) -> None:
    """Show the table, and for a narrow window a list: which of both is seen is up to the style."""
    with st.container(key="wide-runs"):
        selected = _table(found.rows, columns)
    with st.container(key="narrow-runs", gap=None):
        show_compact(found.rows)
    pages = -(-found.fitting // _PAGE)
    if pages > 1:
        st.pagination(pages, key="runs_page", bind="query-params")
    with st.container(key="wide-actions"):
        show_actions(selected)


def _table(rows: Sequence[RunRow], columns: list[str]) -> list[RunRow]:
    names = [row.facts.name for row in rows]
    ticked = st.session_state.get(_TICKED, [])
    event = st.dataframe(
        run_table(rows, columns),
        hide_index=True,
        height=min(38 + 35 * len(rows), 560),
        column_config=column_config(),
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"],
        selection_default=chosen_before(names, ticked),
        placeholder="",
        key=rows_key("runs_table", names),
    )
    selection: Any = event["selection"]
    if selection["cells"]:
        _open(rows[selection["cells"][0][0]].members)
    selected = [rows[index] for index in selection["rows"]]
    st.session_state[_TICKED] = [row.facts.name for row in selected]
    return selected


def _open(members: Sequence[str]) -> None:
    if len(members) == 1:
        state.open_run(members[0])
    state.open_compare(members)


def _show_empty(*, is_filtered: bool) -> None:
    if is_filtered:
        st.info(
            tr("No run fits this filter. Clear it to see all runs."), icon=":material/filter_alt:"
        )
        return
    st.subheader(tr("No runs yet"))
    st.write(tr("Every launch is listed here, with its steps and metrics while it runs."))
    if st.button(tr("Launch the first run"), icon=":material/rocket_launch:", type="primary"):
        state.open_launch()
