"""What the list of runs is narrowed and ordered by, and its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import preferences, services, state
from dashboard.i18n import marked, tr
from dashboard.widgets.runs.table import COLUMNS, DEFAULT
from pipeline.actions.runs import page as run_list
from pipeline.core.states import State

_COLUMNS = "runs.columns"
_FIRST_COLUMNS = "runs.columns.first"
_OPEN = "runs.filters.open"
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
# Of what is shown in the session's language the URL has none but these.
_KNOWN = {"state": ("", *State)}


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Parameters
    ----------
    text
        See `pipeline.actions.runs.filter`.
    chosen
        A value, or nothing, for each of `pipeline.actions.runs.page.CHOICES`.
    sort
        One of `pipeline.actions.runs.page.SORTS`.
    joins_seeds, with_archived
        Whether the switches are on.
    page
        Which page, from 1.
    """

    text: str
    chosen: dict[str, str]
    sort: str
    joins_seeds: bool
    with_archived: bool
    page: int

    @property
    def count(self) -> int:
        """How much of it is not what everybody sees at first."""
        switches = (self.joins_seeds, self.with_archived, self.sort != run_list.NEWEST)
        return sum(map(bool, (self.text, *self.chosen.values(), *switches)))


def asked() -> Asked:
    """Give what is asked for: read before the list is, which says what can be chosen."""
    return Asked(
        text=_value("runs_filter"),
        chosen={key: _seeded(f"runs_{key}", "", _KNOWN.get(key)) for key in run_list.CHOICES},
        sort=_seeded("runs_sort", run_list.NEWEST, run_list.SORTS),
        joins_seeds=_value("runs_seeds").lower() == "true",
        with_archived=_value("runs_archived").lower() == "true",
        page=state.whole(_value("runs_page")) or 1,
    )


def place(count: int) -> DeltaGenerator:
    """Give the row for the filters; a narrow window has it below a button that says their count."""
    is_open = bool(st.session_state.get(_OPEN))
    said = tr("Filters · {count} in use", count=count) if count else tr("Filters")
    st.button(
        said,
        icon=f":material/expand_{'less' if is_open else 'more'}:",
        key="narrow-filters",
        width="stretch",
        on_click=_fold,
        args=(not is_open,),
    )
    key = "runs-filters" if is_open else "wide-filters"
    return st.container(horizontal=True, vertical_alignment="bottom", key=key)


def ask_text() -> None:
    """Show the field for a text; it stands while the list is read."""
    st.text_input(
        tr("Filter"),
        placeholder="user:kim lr0>0.01 mAP50-95>0.5 …",
        help=tr("Words, or `user:kim`, `tag:baseline`, and parameters or metrics: `lr0>0.01`."),
        key="runs_filter",
        bind="query-params",
        on_change=_first_page,
    )


def choose(found: run_list.Page, chosen: dict[str, str]) -> None:
    """Offer the values that occur; one that is chosen stays on offer when no run has it."""
    for key in run_list.CHOICES:
        offered = sorted({*found.choices[key], chosen[key]} - {""})
        if len(offered) > 1 or chosen[key] or key == "state":
            value = st.selectbox(
                tr(_CHOICES[key]),
                ("", *offered),
                format_func=partial(_label, key),
                key=f"form.runs_{key}",
                width=145,
                on_change=_first_page,
            )
            state.publish(f"runs_{key}", value)


def choose_more() -> list[str]:
    """Offer the order, the archive, and the columns, kept in the URL and for the user."""
    sort = st.selectbox(
        tr("Sort"),
        run_list.SORTS,
        format_func=tr,
        key="form.runs_sort",
        width=130,
        on_change=_first_page,
    )
    state.publish("runs_sort", sort, run_list.NEWEST)
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
    with st.popover(tr("Columns"), icon=":material/view_column:", key="wide-columns"):
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


def _value(key: str) -> str:
    """Give the value of a widget that comes further down the page, or else the URL's."""
    return str(st.session_state.get(key, state.url_text(key)) or "")


def _seeded(key: str, fallback: str, allowed: Sequence[str] | None) -> str:
    """Give what is chosen in a list that comes further down, or the URL asks for anew."""
    return str(st.session_state[state.seed(key, fallback, allowed)] or fallback)


def _fold(is_open: bool) -> None:
    st.session_state[_OPEN] = is_open


def _first_page() -> None:
    state.set_url("runs_page", "")
    st.session_state.pop("runs_page", None)


def _label(key: str, value: str) -> str:
    if not value:
        return tr(_ANY[key])
    return tr(State(value).label) if key == "state" and value in set(State) else value


def _remember_columns() -> None:
    chosen = st.session_state[_COLUMNS]
    preferences.remember(services.here().settings.state, services.user(), runs_columns=chosen)
