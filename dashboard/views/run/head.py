"""The head of a run's page: its state, its cause when it failed, its results so far."""

from __future__ import annotations

import streamlit as st

from dashboard import services, state
from dashboard.errors import why
from dashboard.i18n import marked, tr, tr_said
from dashboard.plain import Markdown, joined, plain
from dashboard.theme import colours
from dashboard.views.run.buttons import show_buttons
from dashboard.views.run.operating_point import show_kept
from dashboard.views.run.tune import show_worth_line
from dashboard.views.runs.actions import Asked, open_dialog
from dashboard.widgets.formats import ago, duration, elapsed_s, exact, share
from dashboard.widgets.mistakes.words import answer
from dashboard.widgets.runs.log import clean
from dashboard.widgets.runs.step_results import show_results
from dashboard.widgets.states import show_steps, state_text
from pipeline.actions.runs import details as runs
from pipeline.actions.runs.model import Origin, RunDetails, RunFacts
from pipeline.core.launch.kinds.registry import results
from pipeline.core.mistakes.summary import read_summary
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


def show_head(run: RunDetails, *, tells_mistakes: bool = True) -> None:
    """Say what the run is and how far it is, with what can be done with it.

    Parameters
    ----------
    tells_mistakes
        Whether it also says what the test lost most by.
    """
    facts = run.facts
    if not facts.is_live and st.session_state.get("live_run") == facts.id:
        del st.session_state["live_run"]
        st.rerun()  # the whole page, so that its parts stop refreshing and the buttons change
    if facts.is_live:
        st.session_state["live_run"] = facts.id
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{state_text(facts.state)}  {plain(facts.launch)}", anchor=False)
        show_buttons(run)
    started = facts.started_at
    took = duration(elapsed_s(started, facts.finished_at))
    when = Markdown()
    if started:
        when = tr("started {ago} · {took}", ago=ago(started), took=took)
    elif facts.is_live:
        when = tr("waits in the queue")
    whose = joined(" · ", [plain(facts.user), _place(facts), when])
    st.caption(whose, help=exact(started) or None)
    _note(facts)
    _banner(facts)
    if facts.steps:
        show_steps(facts.steps, colours())
    _epochs(facts)
    _away(run)
    _metrics(run)
    if facts.folder:
        if tells_mistakes:
            _lost(facts.folder, run.tested.split)
        show_results(results(facts.folder))
        show_worth_line(facts.folder)


def _away(run: RunDetails) -> None:
    """Say that MLflow does not answer, and how old what the run's own files say is."""
    reason = services.here().tracking.outage()
    if reason is None or run.metrics_source == "mlflow":
        return
    known = (
        tr("The run's own files are shown, as of {ago}.", ago=ago(run.as_of))
        if run.as_of
        else tr("The run's own files are shown.")
    )
    st.caption(
        joined(" ", [Markdown(":material/cloud_off:"), tr("MLflow does not answer."), known]),
        help=why(reason),
    )


def _note(run: RunFacts) -> None:
    """Show what people said about the run, with a button to say more."""
    if run.folder is None or not run.folder.path.is_dir():
        return
    note = load_note(run.folder)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(tr("Note and tags"), icon=":material/sell:", key="note", type="tertiary"):
            open_dialog(Asked("note", [run], note=note))
        tags = " ".join(f":gray-badge[{plain(tag)}]" for tag in note.tags)
        if note.text or tags:
            st.markdown(f"{tags} {plain(note.text, has_lines=True)}".strip(), width="content")
        show_kept(run.folder)


def _place(run: RunFacts) -> Markdown:
    if run.origin is Origin.MLFLOW:
        return tr(
            "experiment {experiment} in MLflow, not launched by Slipway",
            experiment=run.experiment,
        )
    if run.origin is Origin.RECORDED:
        return tr("{engine}, known from its folder alone", engine=run.engine)
    return plain(run.engine)


def _banner(run: RunFacts) -> None:
    if run.state is not State.FAILED:
        if run.message:  # what it waits for, when it was last seen, where it writes
            st.info(tr_said(run.message), icon=":material/info:")
        return
    failed = next((step for step in run.steps if step.state is State.FAILED), None)
    reason = (failed and failed.message) or run.message or tr("The run failed.")
    where = tr("**{name} failed:** ", name=failed.name) if failed else ""
    st.error(f"{where}{tr_said(reason)}", icon=":material/error:")
    if failed:
        text = runs.logs(services.here(), run.id, failed.name, 0).text
        tail = "\n".join(clean(text).rstrip("\n").split("\n")[-_TAIL_LINES:])
        with st.expander(tr("The last lines of {name}'s log", name=failed.name), expanded=True):
            st.code(tail or tr("Nothing printed."), language=None, wrap_lines=True)


def _epochs(run: RunFacts) -> None:
    trains = any(step.name == "train" and step.state is State.RUNNING for step in run.steps)
    found = training_progress(run.folder) if trains and run.folder else None
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


def _metrics(run: RunDetails) -> None:
    metrics, test = run.metrics, run.tested
    if not metrics and not test.metrics:
        return
    best = metrics.get("mAP50-95", {})
    epoch = best.get("best_epoch")
    label = tr("mAP50-95 (best, epoch {epoch})", epoch=epoch) if epoch else "mAP50-95"
    if best.get("best") == 0:
        label = tr("mAP50-95 (nothing detected yet)")
    with st.container(horizontal=True, gap="large"):
        st.metric(label, share(best.get("best")), width="content")
        split = test.split or "test"
        st.metric(
            tr(_TESTED[split]) if split in _TESTED else plain(f"{split} mAP50-95"),
            share(test.metrics.get("mAP50-95")),
            help=tr("Of best.pt, measured by the test step"),
            width="content",
        )
        for name, title in _SHARES.items():
            value = test.metrics.get(name, metrics.get(name, {}).get("last"))
            note = tr("On the split of the test step; on val before that")
            st.metric(tr(title), share(value), help=note, width="content")


def _lost(folder: RunFolder, split: str) -> None:
    """Say what the test lost most by, with a way to all that it saw."""
    found = read_summary(folder)
    if not found:
        return
    map50 = found.metrics["mAP50"] if found.best else None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(answer(map50, split or "test", found.cost), width="content")
        is_asked = st.button(
            tr("Show the mistakes"),
            icon=":material/rule:",
            key="head.mistakes",
            type="tertiary",
            on_click=state.fill,
            args=("tab", tr("Mistakes")),
        )
    if is_asked:
        st.rerun()  # the whole page, which has the tabs
