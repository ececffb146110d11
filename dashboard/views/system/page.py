"""System: what works, what does not, what takes room, and how this installation is set up."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded
from dashboard.i18n import LANGUAGES, language, tr, tr_said
from dashboard.language import remember
from dashboard.plain import code, joined, plain
from dashboard.widgets.formats import plural, size
from dashboard.widgets.rows import rows_key
from pipeline.actions.upkeep.clean import CleanUp, plan
from pipeline.actions.upkeep.doctor import examine
from pipeline.actions.upkeep.shown_settings import shown_settings
from pipeline.actions.upkeep.volume_use import VolumeUse, volume_use
from pipeline.core.errors import TrackingUnreachable

_KEPT_S = 60


def render() -> None:
    """Show the checks first, then the room on the volume, then the settings."""
    guarded(_checks)()
    guarded(_room)()
    guarded(_settings)()
    guarded(_language)()


@st.cache_data(show_spinner="Looking at engines, volume and MLflow", ttl=_KEPT_S)
def _examined() -> dict[str, Any]:
    return examine(services.here())


@st.cache_data(show_spinner="Measuring the run folders", ttl=_KEPT_S)
def _used() -> VolumeUse:
    return volume_use(services.here())


@st.cache_data(show_spinner="Looking for what may be deleted", ttl=_KEPT_S)
def _planned() -> CleanUp:
    try:
        return plan(services.here(), archived=True)
    except TrackingUnreachable:  # the checks say so; which runs are candidates is not known
        return plan(services.here())


def _checks() -> None:
    head = st.container(horizontal=True, vertical_alignment="center")
    answer = head.empty()
    if head.button(tr("Check again"), icon=":material/refresh:", key="check_again"):
        _examined.clear()
        _used.clear()
        _planned.clear()
    found = _examined()
    wrong = [check for check in found["checks"] if not check["ok"]]
    title = (
        tr("{checks} failed", checks=plural(len(wrong), "check"))
        if wrong
        else tr("Everything works")
    )
    answer.subheader(title, anchor=False)
    for check in [*wrong, *(check for check in found["checks"] if check["ok"])]:
        mark = tr(":green[✓ ok]") if check["ok"] else tr(":red[✕ failed]")
        line = f"{mark} **{plain(check['name'])}**  {tr_said(check['detail'])}"
        st.markdown(f"{line}  \n→ {tr_said(check['next'])}" if check["next"] else line)


def _room() -> None:
    st.subheader(tr("Room on the volume"), anchor=False)
    volume = services.here().settings.volume
    if not volume.is_dir():
        st.info(tr("There is no volume to measure yet."), icon=":material/hard_drive:")
        return
    use = _used()
    taken = sum(run.bytes for run in use.runs)
    st.caption(
        tr(
            "{volume} · {free} free of {total} · {runs} take {taken}",
            volume=volume,
            free=size(use.free_bytes),
            total=size(use.total_bytes),
            runs=plural(len(use.runs), "run"),
            taken=size(taken),
        )
    )
    _show_clean_up(use)
    if not use.runs:
        st.info(tr("Runs will be listed here by size."), icon=":material/hard_drive:")
        return
    st.caption(tr("Choose a run to open its page, where it can be deleted."))
    event = st.dataframe(
        _table(use),
        hide_index=True,
        height=min(38 + 35 * len(use.runs), 380),
        column_config={
            tr("deleting frees"): st.column_config.NumberColumn(format="bytes"),
            tr("of it weights"): st.column_config.NumberColumn(format="bytes"),
            tr("share of all runs"): st.column_config.ProgressColumn(
                format="%.0f%%", max_value=100
            ),
        },
        on_select="rerun",
        selection_mode="single-cell",
        key=rows_key("system_runs", [run.launch for run in use.runs]),
    )
    selection: Any = event["selection"]
    if selection["cells"]:
        state.open_run(use.runs[selection["cells"][0][0]].launch)


def _show_clean_up(use: VolumeUse) -> None:
    parts = []
    planned = _planned()
    archived = [item.bytes for item in planned.items if item.kind == "run"]
    leftovers = planned.bytes - sum(archived)
    if archived:
        parts.append(
            tr(
                "deleting the {runs} frees {freed}",
                runs=plural(len(archived), "archived run"),
                freed=size(sum(archived)),
            )
        )
    if leftovers:
        parts.append(tr("what was cut short while deleting takes {size}", size=size(leftovers)))
    trial_bytes = sum(run.trial_bytes for run in use.runs)
    if trial_bytes:
        parts.append(tr("weights of trials take {size}", size=size(trial_bytes)))
    if parts:
        st.caption(tr("A clean-up: {parts}.", parts=joined("; ", parts)))
    if planned.items:
        st.caption(
            tr(
                "{command} deletes archived runs and what was cut short; with `--dry-run` it"
                " only says what would go.",
                command=code("slipway clean --archived"),
            )
        )


def _table(use: VolumeUse) -> pd.DataFrame:
    taken = sum(run.bytes for run in use.runs) or 1
    return pd.DataFrame(
        {
            tr("run"): [run.launch for run in use.runs],
            tr("deleting frees"): [run.bytes for run in use.runs],
            tr("of it weights"): [run.weight_bytes for run in use.runs],
            tr("share of all runs"): [100 * run.bytes / taken for run in use.runs],
        }
    )


def _language() -> None:
    chosen = st.segmented_control(
        "Language · 언어",
        list(LANGUAGES),
        format_func=lambda code: plain(LANGUAGES[code]),
        default=language(),
        required=True,
        key="system_language",
    )
    if chosen and chosen != language():
        remember(chosen)
        st.rerun()


def _settings() -> None:
    st.subheader(tr("Settings"), anchor=False)
    shown = shown_settings(services.here().settings)
    table = pd.DataFrame({tr("setting"): list(shown), tr("value"): list(shown.values())})
    st.dataframe(table, hide_index=True, height=380)
