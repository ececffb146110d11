"""The head of a run's page: its state, its cause when it failed, its results so far."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import services
from dashboard.i18n import marked, tr
from dashboard.plain import Markdown, joined, plain
from dashboard.theme import colours
from dashboard.views.run.buttons import show_buttons
from dashboard.views.run.tune import show_worth_line
from dashboard.views.runs.actions import open_dialog
from dashboard.widgets.formats import ago, duration, elapsed_s, exact, share
from dashboard.widgets.runs.log import clean
from dashboard.widgets.runs.step_results import show_results
from dashboard.widgets.states import show_steps, state_text
from pipeline.actions.runs import details as runs
from pipeline.actions.runs.from_mlflow import is_elsewhere
from pipeline.core.clock import utc_at
from pipeline.core.launch.kinds.registry import results
from pipeline.core.states import State
from pipeline.core.volume.progress import training_progress
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.run_note import load_note

_TAIL_LINES = 12
_SHARES = {"precision": marked("Precision"), "recall": marked("Recall")}
_TESTED = {
    "train": marked("train mAP50-95"),
    "val": marked("val mAP50-95"),
    "test": marked("test mAP50-95"),
}


def show_head(run: dict[str, Any]) -> None:
    """Say what the run is and how far it is, with what can be done with it."""
    if State(run["state"]).is_finished and st.session_state.get("live_run") == run["run"]:
        del st.session_state["live_run"]
        st.rerun()  # the whole page, so that its parts stop refreshing and the buttons change
    if not State(run["state"]).is_finished:
        st.session_state["live_run"] = run["run"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            f"{state_text(run['state'])}  {plain(run['launch'] or run['run'])}", anchor=False
        )
        show_buttons(run)
    started = run["started_at"]
    took = duration(elapsed_s(started, run["finished_at"]))
    when = (
        tr("started {ago} · {took}", ago=ago(started), took=took)
        if started
        else tr("waits in the queue")
    )
    whose = joined(" · ", [plain(run["user"]), _place(run), when])
    st.caption(whose, help=exact(started) or None)
    _note(run)
    _banner(run)
    if run["steps"]:
        show_steps(run["steps"], colours())
    _epochs(run)
    _away(run)
    _metrics(run)
    show_results(results(RunFolder(Path(run["folder"]))))
    show_worth_line(RunFolder(Path(run["folder"])))


def _away(run: dict[str, Any]) -> None:
    """Say that MLflow does not answer, and how old what the run's own files say is."""
    reason = services.tracking().outage()
    files = RunFolder(Path(run["folder"])).results
    if reason is None or run["metrics_source"] == "mlflow":
        return
    seen_at = utc_at(files.stat().st_mtime) if files.is_file() else ""
    known = (
        tr("The run's own files are shown, as of {ago}.", ago=ago(seen_at))
        if seen_at
        else tr("The run's own files are shown.")
    )
    st.caption(
        joined(" ", [Markdown(":material/cloud_off:"), tr("MLflow does not answer."), known]),
        help=plain(f"{reason.message} {reason.next}"),
    )


def _note(run: dict[str, Any]) -> None:
    """Show what people said about the run, with a button to say more."""
    folder = RunFolder(Path(run["folder"]))
    if not folder.path.is_dir():
        return
    note = load_note(folder)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(tr("Note and tags"), icon=":material/sell:", key="note", type="tertiary"):
            open_dialog("note", [{**run, "note": note.text, "tags": note.tags}])
        tags = " ".join(f":gray-badge[{plain(tag)}]" for tag in note.tags)
        if note.text or tags:
            st.markdown(f"{tags} {plain(note.text, has_lines=True)}".strip(), width="content")


def _place(run: dict[str, Any]) -> Markdown:
    if is_elsewhere(run["run"]):
        return tr(
            "experiment {experiment} in MLflow, not launched by Slipway",
            experiment=run["experiment"],
        )
    return plain(str(run["engine"]))


def _banner(run: dict[str, Any]) -> None:
    if run["state"] != State.FAILED:
        if run["message"]:  # what it waits for, when it was last seen, where it writes
            st.info(plain(run["message"]), icon=":material/info:")
        return
    failed = next((step for step in run["steps"] if step["state"] == State.FAILED), None)
    reason = (failed or {}).get("message") or run.get("message") or tr("The run failed.")
    where = tr("**{name} failed:** ", name=failed["name"]) if failed else ""
    st.error(f"{where}{plain(reason)}", icon=":material/error:")
    if failed:
        text = runs.logs(services.settings(), run["run"], failed["name"], 0).text
        tail = "\n".join(clean(text).rstrip("\n").split("\n")[-_TAIL_LINES:])
        with st.expander(tr("The last lines of {name}'s log", name=failed["name"]), expanded=True):
            st.code(tail or tr("Nothing printed."), language=None, wrap_lines=True)


def _epochs(run: dict[str, Any]) -> None:
    running = {step["name"] for step in run["steps"] if step["state"] == State.RUNNING}
    found = training_progress(RunFolder(Path(run["folder"]))) if "train" in running else None
    if found and found.epochs:
        left = (
            Markdown()
            if found.left_s is None
            else tr(" · at most {duration} left", duration=duration(found.left_s))
        )
        share_done = min(found.epochs_done / found.epochs, 1.0)
        st.progress(
            share_done,
            tr(
                "{epochs_done} of {epochs} epochs{left}",
                epochs_done=found.epochs_done,
                epochs=found.epochs,
                left=left,
            ),
        )


def _metrics(run: dict[str, Any]) -> None:
    metrics, test = run["metrics"], run["test"] or {}
    if not metrics and not test:
        return
    best = metrics.get("mAP50-95", {})
    epoch = best.get("best_epoch")
    label = tr("mAP50-95 (best, epoch {epoch})", epoch=epoch) if epoch else "mAP50-95"
    if best.get("best") == 0:
        label = tr("mAP50-95 (nothing detected yet)")
    with st.container(horizontal=True, gap="large"):
        st.metric(label, share(best.get("best")), width="content")
        split = str(test.get("split", "test"))
        st.metric(
            tr(_TESTED[split]) if split in _TESTED else plain(f"{split} mAP50-95"),
            share(test.get("mAP50-95")),
            help=tr("Of best.pt, measured by the test step"),
            width="content",
        )
        for name, title in _SHARES.items():
            value = test.get(name, metrics.get(name, {}).get("last"))
            note = tr("On the split of the test step; on val before that")
            st.metric(tr(title), share(value), help=note, width="content")
