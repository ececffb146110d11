"""What can be done with the runs that are ticked in the list."""

from __future__ import annotations

from collections.abc import Callable
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
from pipeline.actions.runs.from_mlflow import is_elsewhere
from pipeline.core.errors import SlipwayError, TrackingUnreachable
from pipeline.core.states import State

# What a dialog was opened for: it must stand while the list behind it refreshes.
_DIALOG = "runs.dialog"


def show_actions(selected: list[dict[str, Any]]) -> None:
    """Show the buttons that fit the selected runs."""
    if not selected:
        st.caption(tr("Click a run to open it; tick runs to compare, stop, tag or delete them."))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(tr("selected **{count}**", count=len(selected)), width="content")
        members = [name for row in selected for name in row["members"]]
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
            _working(selected)
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
    asked = st.session_state.get(_DIALOG)
    dialogs: dict[str, tuple[Markdown, Callable[[list[dict[str, Any]]], None]]] = {
        "delete": (tr("Delete these runs?"), _confirm_delete),
        "note": (tr("Note and tags"), _edit_note),
        "retest": (tr("Test these weights again"), lambda rows: show_retest(rows[0], close_dialog)),
        "adopt": (
            tr("Train with a trial's values"),
            lambda rows: show_adopt(rows[0], close_dialog),
        ),
    }
    if asked:
        title, show = dialogs[asked[0]]
        st.dialog(plain(title), on_dismiss=close_dialog)(show)(asked[1])


def _why_only_looked_at(selected: list[dict[str, Any]]) -> Markdown:
    if any(is_elsewhere(row["run"]) for row in selected):
        return tr("Runs that Slipway did not launch can be looked at and compared.")
    if any(len(row["members"]) > 1 for row in selected):
        return tr("Switch *Join seeds* off to stop, tag or delete single runs.")
    return Markdown()


def _working(selected: list[dict[str, Any]]) -> None:
    running = [row for row in selected if not State(row["state"]).is_finished]
    failed = [row for row in selected if row["state"] in (State.FAILED, State.STOPPED)]
    if st.button(tr("Stop"), icon=":material/stop:", disabled=not running):
        _for_each(running, change.stop)
    if st.button(tr("Retry"), icon=":material/replay:", disabled=not failed):
        _for_each(failed, change.retry)


def _keeping(selected: list[dict[str, Any]]) -> None:
    if st.button(tr("Note and tags"), icon=":material/sell:", disabled=len(selected) > 1):
        open_dialog("note", selected)
    if all(row["is_archived"] for row in selected):
        if st.button(tr("Take out of the archive"), icon=":material/unarchive:"):
            _for_each(selected, lambda *ids: change.archive(*ids, is_archived=False))
    elif st.button(
        tr("Archive"), icon=":material/archive:", help=tr("Hide from the list; files stay")
    ):
        _for_each(selected, change.archive)
    if st.button(tr("Delete"), icon=":material/delete:", key="runs_delete"):
        open_dialog("delete", selected)


def open_dialog(dialog: str, rows: list[dict[str, Any]]) -> None:
    """Open ``adopt``, ``delete``, ``note`` or ``retest`` of some runs; `show_dialog` shows it."""
    st.session_state[_DIALOG] = (dialog, rows)
    st.rerun()


def close_dialog() -> None:
    """Close the dialog that is open."""
    st.session_state.pop(_DIALOG, None)


def _for_each(rows: list[dict[str, Any]], action: Callable[..., Any]) -> None:
    for row in rows:
        try:
            action(services.settings(), row["run"])
        except SlipwayError as reason:
            show_error(reason)
            return
    st.rerun(scope="fragment")


def _confirm_delete(rows: list[dict[str, Any]]) -> None:
    settings = services.settings()
    try:
        freed = change.folder_bytes(settings, [row["run"] for row in rows])
        names = "\n".join(f"- {plain(row['launch'] or row['run'])}" for row in rows[:10])
        st.markdown(
            names + (tr("\n- and {count} more", count=len(rows) - 10) if len(rows) > 10 else "")
        )
        running = [row for row in rows if not State(row["state"]).is_finished]
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
            tr("Delete {runs}", runs=plural(len(rows), "run")),
            type="primary",
            key="runs_delete_now",
        ):
            with st.spinner(tr("Deleting")):
                for row in rows:
                    change.delete(settings, row["run"])
            close_dialog()
            st.rerun()
    except SlipwayError as reason:
        show_error(reason)


def _edit_note(rows: list[dict[str, Any]]) -> None:
    row = rows[0]
    st.caption(plain(row["launch"] or row["run"]))
    text = st.text_area(
        tr("Note"), row["note"], max_chars=4000, placeholder=tr("What is this run about?")
    )
    tags = st.text_input(tr("Tags"), ", ".join(row["tags"]), placeholder=tr("baseline, seed 2"))
    if st.button(tr("Save"), type="primary", key="runs_note_save"):
        try:
            change.annotate(services.settings(), row["run"], text, [tags])
        except TrackingUnreachable as reason:
            st.warning(tr("The note is saved, but not in MLflow. {reason}", reason=reason))
            return
        except SlipwayError as reason:
            show_error(reason)
            return
        close_dialog()
        st.rerun()
