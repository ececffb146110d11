"""What can be done with the runs that are ticked in the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dashboard import navigation, services, state
from dashboard.errors import show_error
from dashboard.i18n import tr
from dashboard.plain import Markdown, plain
from dashboard.views.runs.adopt import show_adopt
from dashboard.views.runs.retest import show_retest
from dashboard.widgets.formats import plural, size
from dashboard.widgets.runs.table import run_csv
from pipeline.actions.runs import change
from pipeline.actions.runs.model import Origin, RunFacts, RunRow
from pipeline.core.errors import SlipwayError, TrackingUnreachable
from pipeline.core.states import State
from pipeline.core.volume.run_note import RunNote

# What a dialog was opened for: it must stand while the list behind it refreshes.
_DIALOG = "runs.dialog"


@dataclass(frozen=True)
class Asked:
    """What a dialog was opened for.

    Parameters
    ----------
    dialog
        ``adopt``, ``delete``, ``note`` or ``retest``.
    runs
        The runs that it is about.
    note
        What has been said about the one run.
    trial
        The trial of it whose values are adopted.
    """

    dialog: str
    runs: Sequence[RunFacts]
    note: RunNote = field(default_factory=RunNote)
    trial: str = ""


def show_actions(selected: Sequence[RunRow]) -> None:
    """Show the buttons that fit the selected runs."""
    if not selected:
        st.caption(tr("Click a run to open it; tick runs to compare, stop, tag or delete them."))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(tr("selected **{count}**", count=len(selected)), width="content")
        members = [name for row in selected for name in row.members]
        if navigation.has("compare") and st.button(
            tr("Compare"),
            icon=":material/compare_arrows:",
            type="primary",
            disabled=len(members) < 2,
        ):
            state.open_compare(members)
        why = _why_only_looked_at(selected)
        if why:
            st.caption(why, width="content")
        else:
            _working([row.facts for row in selected])
            _keeping(selected)
        st.download_button(
            "CSV",
            run_csv(selected),
            file_name="runs.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def show_dialog() -> None:
    """Show the dialog that a button asked for; call it outside of what refreshes."""
    asked: Asked | None = st.session_state.get(_DIALOG)
    dialogs: dict[str, tuple[Markdown, Callable[[Asked], None]]] = {
        "delete": (tr("Delete these runs?"), lambda asked: _confirm_delete(asked.runs)),
        "note": (tr("Note and tags"), lambda asked: _edit_note(asked.runs[0], asked.note)),
        "retest": (
            tr("Test these weights again"),
            lambda asked: show_retest(asked.runs[0], close_dialog),
        ),
        "adopt": (
            tr("Train with a trial's values"),
            lambda asked: show_adopt(asked.runs[0], asked.trial, close_dialog),
        ),
    }
    if asked:
        title, show = dialogs[asked.dialog]
        st.dialog(plain(title), on_dismiss=close_dialog)(show)(asked)


def _why_only_looked_at(selected: Sequence[RunRow]) -> Markdown:
    if any(row.facts.origin is Origin.MLFLOW for row in selected):
        return tr("Runs that Slipway did not launch can be looked at and compared.")
    if any(len(row.members) > 1 for row in selected):
        return tr("Switch *Join seeds* off to stop, tag or delete single runs.")
    return Markdown()


def _working(selected: Sequence[RunFacts]) -> None:
    running = [run for run in selected if run.is_live]
    known = [run for run in selected if run.origin is Origin.ENGINE]
    failed = [run for run in known if run.state in (State.FAILED, State.STOPPED)]
    if st.button(tr("Stop"), icon=":material/stop:", disabled=not running):
        _for_each(running, change.stop)
    if st.button(tr("Retry"), icon=":material/replay:", disabled=not failed):
        _for_each(failed, change.retry)


def _keeping(selected: Sequence[RunRow]) -> None:
    chosen = [row.facts for row in selected]
    if st.button(tr("Note and tags"), icon=":material/sell:", disabled=len(selected) > 1):
        open_dialog(Asked("note", chosen, note=selected[0].note))
    if all(row.note.is_archived for row in selected):
        if st.button(tr("Take out of the archive"), icon=":material/unarchive:"):
            _for_each(chosen, lambda *ids: change.archive(*ids, is_archived=False))
    elif st.button(
        tr("Archive"), icon=":material/archive:", help=tr("Hide from the list; files stay")
    ):
        _for_each(chosen, change.archive)
    if st.button(tr("Delete"), icon=":material/delete:", key="runs_delete"):
        open_dialog(Asked("delete", chosen))


def open_dialog(asked: Asked) -> None:
    """Open a dialog; `show_dialog` shows it."""
    st.session_state[_DIALOG] = asked
    st.rerun()


def close_dialog() -> None:
    """Close the dialog that is open."""
    st.session_state.pop(_DIALOG, None)


def _for_each(runs: Sequence[RunFacts], action: Callable[..., Any]) -> None:
    for run in runs:
        try:
            action(services.here(), run.id)
        except SlipwayError as reason:
            show_error(reason)
            return
    st.rerun(scope="fragment")


def _confirm_delete(runs: Sequence[RunFacts]) -> None:
    here = services.here()
    try:
        freed = change.folder_bytes(here, [run.id for run in runs])
        names = "\n".join(f"- {plain(run.launch)}" for run in runs[:10])
        st.markdown(
            names + (tr("\n- and {count} more", count=len(runs) - 10) if len(runs) > 10 else "")
        )
        running = [run for run in runs if run.is_live]
        stopped = (
            tr("{runs} that is not over stops first. ", runs=plural(len(running), "run"))
            if running
            else Markdown()
        )
        st.write(
            tr(
                "{stopped}Frees {size} on the volume: weights, logs and plots are gone "
                "for good. What MLflow has stays there.",
                stopped=stopped,
                size=size(freed),
            )
        )
        if st.button(
            tr("Delete {runs}", runs=plural(len(runs), "run")),
            type="primary",
            key="runs_delete_now",
        ):
            with st.spinner(tr("Deleting")):
                for run in runs:
                    change.delete(here, run.id)
            close_dialog()
            st.rerun()
    except SlipwayError as reason:
        show_error(reason)


def _edit_note(run: RunFacts, note: RunNote) -> None:
    st.caption(plain(run.launch))
    text = st.text_area(
        tr("Note"), note.text, max_chars=4000, placeholder=tr("What is this run about?")
    )
    tags = st.text_input(tr("Tags"), ", ".join(note.tags), placeholder=tr("baseline, seed 2"))
    if st.button(tr("Save"), type="primary", key="runs_note_save"):
        try:
            change.annotate(services.here(), run.id, text, [tags])
        except TrackingUnreachable as reason:
            st.warning(tr("The note is saved, but not in MLflow. {reason}", reason=reason))
            return
        except SlipwayError as reason:
            show_error(reason)
            return
        close_dialog()
        st.rerun()
