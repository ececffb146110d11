"""Models: the weights that there are, where they came from, how well they did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import services, state
from dashboard.errors import show_error, why
from dashboard.i18n import tr
from dashboard.plain import code, plain
from dashboard.views.models.official import show_official
from dashboard.views.run.operating_point import show_kept
from dashboard.widgets.choosing import text_filter
from dashboard.widgets.formats import plural, size
from dashboard.widgets.rows import chosen_before, rows_key
from dashboard.widgets.runs.results import DOWNLOAD_LIMIT
from pipeline.actions.models import Weights, list_weights
from pipeline.core.errors import SlipwayError, TrackingUnreachable
from pipeline.core.volume.run_folder import run_folder
from pipeline.tracking.registry import STAGES, mark, marks

_KEPT_S = 30
_CHOSEN = "models_chosen"


def render() -> None:
    """Show all weights, choosing one offers what can be done with it; then what can be fetched."""
    found = list_weights(services.here())
    if found:
        _show_weights(found)
    else:
        _show_empty()
    show_official(is_open=not found)


def _show_weights(found: list[Weights]) -> None:
    stages = _stages_or_why()
    total = size(sum(entry.bytes for entry in found))
    text = text_filter(tr("file, run, model or data"), "models_filter", width=360).lower()
    shown = [entry for entry in found if text in _searchable(entry)]
    st.caption(
        tr(
            "{files} · {total} · choose a row to use or download it",
            files=plural(len(found), "file"),
            total=total,
        )
    )
    if not shown:
        st.info(tr("No file fits the filter."), icon=":material/filter_alt:")
        return
    paths = [entry.path for entry in shown]
    event = st.dataframe(
        _table(shown, stages),
        hide_index=True,
        height=min(38 + 35 * len(shown), 480),
        column_config={  # numbers and times, so that a column can be sorted by what it means
            tr("test mAP50-95"): st.column_config.NumberColumn(format="%.3f"),
            tr("size"): st.column_config.NumberColumn(format="bytes"),
            tr("changed"): st.column_config.DatetimeColumn(format="distance"),
        },
        on_select="rerun",
        selection_mode="single-row",
        selection_default=chosen_before(paths, st.session_state.get(_CHOSEN, [])),
        placeholder="",
        key=rows_key("models_table", paths),
    )
    selection: Any = event["selection"]
    st.session_state[_CHOSEN] = [paths[index] for index in selection["rows"]]
    for index in selection["rows"]:
        _show_actions(shown[index], stages)


@st.cache_data(show_spinner="Asking MLflow's model registry", ttl=_KEPT_S)
def _stages() -> dict[str, tuple[str, ...]]:
    return marks(services.here().tracking)


def _stages_or_why() -> dict[str, tuple[str, ...]]:
    """Give the stages of runs; when MLflow is away none is known, and this is said."""
    try:
        return _stages()
    except TrackingUnreachable as reason:
        st.warning(
            tr("Which models are candidate or production is not known. {why}", why=why(reason))
        )
        return {}


def _searchable(entry: Weights) -> str:
    return f"{entry.path} {entry.launch} {entry.model} {entry.data}".lower()


def _is_best(entry: Weights) -> bool:
    return bool(entry.launch) and entry.path.endswith("/best.pt")


def _table(entries: list[Weights], stages: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            tr("stage"): [
                ", ".join(stages.get(entry.launch, ())) if _is_best(entry) else ""
                for entry in entries
            ],
            tr("file"): [entry.path.rpartition("/")[2] for entry in entries],
            tr("from run"): [entry.launch or tr("put on the volume") for entry in entries],
            tr("test mAP50-95"): [entry.test_map for entry in entries],
            tr("measured on"): [entry.test_split for entry in entries],
            tr("data"): [entry.data for entry in entries],
            tr("size"): [entry.bytes for entry in entries],
            tr("changed"): [datetime.fromtimestamp(entry.changed_at_s, UTC) for entry in entries],
            tr("started from"): [entry.model for entry in entries],
        }
    )


def _show_actions(entry: Weights, stages: dict[str, tuple[str, ...]]) -> None:
    st.markdown(f"**{plain(entry.path)}**")
    if _is_best(entry):  # a test measures these
        show_kept(run_folder(services.here().volume, entry.launch))
    with st.container(horizontal=True):
        if st.button(tr("Launch from it"), icon=":material/rocket_launch:", type="primary"):
            state.open_launch(model=entry.name)
        if entry.launch and st.button(tr("Open its run"), icon=":material/open_in_full:"):
            state.open_run(entry.launch)
        if entry.bytes <= DOWNLOAD_LIMIT:
            st.download_button(
                tr("Download"),
                (services.here().settings.volume / entry.path).read_bytes,
                file_name=entry.path.replace("/", "-"),
                icon=":material/download:",
            )
        if _is_best(entry):
            _offer_stages(entry, stages.get(entry.launch, ()))
    if entry.bytes > DOWNLOAD_LIMIT:
        st.caption(tr("This file is too large for the browser; take it from the volume."))


def _offer_stages(entry: Weights, has: tuple[str, ...]) -> None:
    for stage in STAGES:
        if stage not in has and st.button(
            tr("Make {stage}", stage=stage),
            icon=":material/verified:" if stage == "production" else ":material/flag:",
            key=f"stage-{stage}",
            help=tr("An alias in MLflow's model registry; an experiment has one of each."),
        ):
            _mark(entry, stage)
    if has and st.button(
        tr("No longer {stages}", stages=" and ".join(has)),
        icon=":material/remove:",
        key="unmark",
    ):
        _mark(entry, "")


def _mark(entry: Weights, stage: str) -> None:
    here = services.here()
    try:
        mark(here.tracking, run_folder(here.volume, entry.launch), stage)
    except SlipwayError as reason:
        show_error(reason)
        return
    _stages.clear()
    st.rerun()


def _show_empty() -> None:
    st.subheader(tr("No weights yet"))
    st.write(
        tr(
            "A run that trains leaves best.pt and last.pt here. Weights that you have "
            "already can be put into {folder}.",
            folder=code(str(services.here().settings.volume / "weights")),
        )
    )
    if st.button(tr("Launch a run"), icon=":material/rocket_launch:", type="primary"):
        state.open_launch()
