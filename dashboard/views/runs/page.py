"""All runs: what runs, how well, what needs me."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from dashboard import preferences, services, state
from dashboard.errors import guarded
from dashboard.i18n import marked, tr
from dashboard.views.runs.actions import show_actions, show_dialog
from dashboard.views.runs.queue import show_queue
from dashboard.widgets.outages import show_outages, show_sync
from dashboard.widgets.rows import chosen_before, rows_key
from dashboard.widgets.runs.reading import Reading
from dashboard.widgets.runs.table import COLUMNS, DEFAULT, FROM, SEEDS, column_config, run_table
from dashboard.widgets.states import state_counts
from pipeline.actions.runs import page as run_list
from pipeline.core.states import State

REFRESH_S = 3
_PAGE = 50
# Ticked launches, by name: a run that comes on top must not move the ticks to its neighbours.
_TICKED = "runs.ticked"
_COLUMNS = "runs.columns"
_FIRST_COLUMNS = "runs.columns.first"
_CHOICES = {
    "state": marked("State"),
    "model": marked("Model"),
    "data": marked("Data"),
    "user": marked("User"),
    "engine": marked("Engine"),
}
_ANY = {
    "state": marked("any state"),
    "model": marked("any model"),
    "data": marked("any data"),
    "user": marked("any user"),
    "engine": marked("any engine"),
}
_SORTS = (
    marked("newest"),
    marked("oldest"),
    marked("test mAP"),
    marked("longest"),
    marked("launch"),
)


def render() -> None:
    """Show the list, fresh every few seconds."""
    st.fragment(guarded(_list), run_every=REFRESH_S)()
    guarded(show_dialog)()


def _list() -> None:
    top = st.container()
    filters = st.container(horizontal=True, vertical_alignment="bottom")
    text = filters.text_input(
        tr("Filter"),
        placeholder="user:kim lr0>0.01 mAP50-95>0.5 …",
        help=tr("Words, or `user:kim`, `tag:baseline`, and parameters or metrics: `lr0>0.01`."),
        key="runs_filter",
        bind="query-params",
        on_change=_first_page,
    )
    chosen = {key: _value(f"runs_{key}") for key in run_list.CHOICES}
    number = _value("runs_page")
    joins_seeds = _value("runs_seeds").lower() == "true"
    synced = services.mlflow_sync().look()
    found = run_list.page_of(
        services.here(),
        chosen,
        text or "",
        page=int(number) if number.isdecimal() else 1,
        size=_PAGE,
        with_archived=_value("runs_archived").lower() == "true",
        sort=_value("runs_sort") or run_list.NEWEST,
        joins_seeds=joins_seeds,
        progress=Reading(top),
    )
    with filters:
        _choose(found, chosen)
        columns = _more()
    with top:
        show_outages(found.outages)
        show_sync(synced)
        if found.states:
            _show_counts(found.states)
    if not found.rows:
        if not found.outages:
            _show_empty(is_filtered=bool(found.states) or any(chosen.values()) or bool(text))
        return
    if joins_seeds:
        columns.append(SEEDS)
    if any(row.source for row in found.rows):
        columns.append(FROM)
    _table(found, columns)
    show_queue()


def _show_counts(states: Sequence[State]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(state_counts(states))
        if st.button(tr("Sweeps"), icon=":material/grid_view:", key="runs_sweeps", type="tertiary"):
            state.open_sweep()


def _value(key: str) -> str:
    """Give the value of a widget that comes further down the page, or else the URL's."""
    return str(st.session_state.get(key, state.url_text(key)) or "")


def _choose(found: run_list.Page, chosen: dict[str, str]) -> None:
    """Offer the values that occur; one that is chosen stays on offer when no run has it."""
    for key in run_list.CHOICES:
        offered = sorted({*found.choices[key], chosen[key]} - {""})
        if len(offered) > 1 or chosen[key] or key == "state":
            st.selectbox(
                tr(_CHOICES[key]),
                ("", *offered),
                format_func=partial(_label, key),
                key=f"runs_{key}",
                bind="query-params",
                width=145,
                on_change=_first_page,
            )


def _first_page() -> None:
    state.set_url("runs_page", "")
    st.session_state.pop("runs_page", None)


def _label(key: str, value: str) -> str:
    if not value:
        return tr(_ANY[key])
    return tr(State(value).label) if key == "state" and value in set(State) else value


def _more() -> list[str]:
    """Offer the order, the archive, and the columns, kept in the URL and for the user."""
    st.selectbox(
        tr("Sort"),
        run_list.SORTS,
        format_func=tr,
        key="runs_sort",
        bind="query-params",
        width=130,
        on_change=_first_page,
    )
    st.toggle(
        tr("Join seeds"),
        key="runs_seeds",
        bind="query-params",
        on_change=_first_page,
        help=tr("One row for runs that differ in nothing but their seed, with mean ± spread."),
    )
    st.toggle(tr("Archived"), key="runs_archived", bind="query-params", on_change=_first_page)
    if _FIRST_COLUMNS not in st.session_state:
        known = preferences.load(services.here().settings.state, services.user()).get(
            "runs_columns"
        )
        asked = state.url_texts("columns") or known or DEFAULT
        st.session_state[_FIRST_COLUMNS] = [name for name in COLUMNS if name in asked]
    with st.popover(tr("Columns"), icon=":material/view_column:"):
        # What is in a popover is drawn when it opens: only a default that stays is shown then.
        chosen = st.pills(
            tr("Columns"),
            COLUMNS,
            format_func=tr,
            selection_mode="multi",
            default=st.session_state[_FIRST_COLUMNS],
            key=_COLUMNS,
            on_change=_remember_columns,
        )
    if st.button(
        "",
        icon=":material/sync:",
        key="runs_sync",
        help=tr("Read all of MLflow again: what was changed or deleted there in finished runs."),
    ):
        services.mlflow_sync().again()
    state.set_url("columns", [] if set(chosen) == set(DEFAULT) else chosen)
    return list(chosen)


def _remember_columns() -> None:
    chosen = st.session_state[_COLUMNS]
    preferences.remember(services.here().settings.state, services.user(), runs_columns=chosen)


def _table(found: run_list.Page, columns: list[str]) -> None:
    rows = found.rows
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
    pages = -(-found.fitting // _PAGE)
    if pages > 1:
        st.pagination(pages, key="runs_page", bind="query-params")
    show_actions(selected)


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
