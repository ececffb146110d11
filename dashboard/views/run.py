"""One run: its state, its cause when it failed, its results while they come."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.elements.lib.mutable_tab_container import TabContainer

from dashboard import services, state
from dashboard.errors import guarded, show_error
from dashboard.i18n import marked, tr
from dashboard.theme import colours
from dashboard.views.run_actions import open_dialog, show_dialog
from dashboard.views.run_tune import show_tune, show_worth_line
from dashboard.widgets.built import show_built
from dashboard.widgets.curves import show_curves
from dashboard.widgets.findings import escape
from dashboard.widgets.formats import ago, duration, elapsed_s, exact, share
from dashboard.widgets.log import clean, show_log
from dashboard.widgets.machine import show_machine
from dashboard.widgets.run_results import (
    show_files,
    show_images,
    show_test,
)
from dashboard.widgets.run_settings import show_lineage, show_settings
from dashboard.widgets.states import show_steps, state_text
from pipeline.actions import runs
from pipeline.actions.elsewhere import is_elsewhere
from pipeline.actions.lineage import lineage
from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text
from pipeline.core.machine import read_samples
from pipeline.core.progress import training_progress
from pipeline.core.run_folder import RunFolder
from pipeline.core.run_note import load_note
from pipeline.core.states import State
from pipeline.tracking.server import server_state

REFRESH_S = 2
# A cluster calls a run over some seconds before its pods have printed their last lines.
_LOG_SETTLES_S = 60
_TAIL_LINES = 12
_TABS = (
    *(marked("Curves"), marked("Images"), marked("Test by class"), marked("Tune")),
    *(marked("Settings"), marked("Origin"), marked("Log"), marked("Files")),
)

_SHARES = {"precision": marked("Precision"), "recall": marked("Recall")}
_TESTED = {
    "train": marked("train mAP50-95"),
    "val": marked("val mAP50-95"),
    "test": marked("test mAP50-95"),
}
_TABS_ELSEWHERE = ("Curves", "Settings")


def render() -> None:
    """Show the run that the URL names."""
    if not state.run_id():
        st.subheader(tr("No run chosen"))
        st.write(tr("Open one from the list of runs."))
        if st.button(tr("All runs"), icon=":material/list:", type="primary"):
            state.open_runs()
        return
    run = _shown()
    is_live = not State(run["state"]).is_finished
    _live(_head, is_live)()
    guarded(show_dialog)()
    names = _TABS_ELSEWHERE if is_elsewhere(run["run"]) else _TABS
    parts: dict[str, Callable[[], None]] = {
        "Curves": _curves,
        "Images": lambda: show_images(_folder().path),
        "Test by class": lambda: show_test(_shown()["test"]),
        "Tune": lambda: show_tune(_shown(), _folder()),
        "Settings": _settings,
        "Origin": _origin,
        "Log": _log,
        "Files": lambda: show_files(_folder().path),
    }
    for name, tab in _tabs(names).items():
        if tab.open:
            state.publish("tab", name, names[0])
            over_s = elapsed_s(run["finished_at"])
            is_settling = name == "Log" and over_s is not None and over_s < _LOG_SETTLES_S
            with tab:
                _live(parts[name], is_live or is_settling)()


def _tabs(names: Sequence[str]) -> dict[str, TabContainer]:
    """Make the tabs; the one that the URL names is open when the URL is new."""
    asked = state.url_text("tab")
    if asked in names and state.is_asked_anew("tab"):
        st.session_state["form.tab"] = tr(asked)
    shown = st.tabs([tr(name) for name in names], key="form.tab", on_change="rerun")
    return dict(zip(names, shown, strict=True))


def _live(part: Callable[[], None], is_live: bool) -> Callable[[], None]:
    return st.fragment(guarded(part), run_every=REFRESH_S if is_live else None)


def _shown() -> dict[str, Any]:
    return runs.show(services.settings(), state.run_id())


def _folder() -> RunFolder:
    return RunFolder(Path(_shown()["folder"]))


def _head() -> None:
    run = _shown()
    if State(run["state"]).is_finished and st.session_state.get("live_run") == run["run"]:
        del st.session_state["live_run"]
        st.rerun()  # the whole page, so that its parts stop refreshing and the buttons change
    if not State(run["state"]).is_finished:
        st.session_state["live_run"] = run["run"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{state_text(run['state'])}  {run['launch'] or run['run']}", anchor=False)
        _buttons(run)
    started = run["started_at"]
    took = duration(elapsed_s(started, run["finished_at"]))
    when = (
        tr("started {ago} · {took}", ago=ago(started), took=took)
        if started
        else tr("waits in the queue")
    )
    whose = " · ".join(part for part in (run["user"], _place(run), when) if part)
    st.caption(whose, help=exact(started) or None)
    _note(run)
    _banner(run)
    if run["steps"]:
        show_steps(run["steps"], colours())
    _epochs(run)
    _metrics(run)
    show_built(run["build"])
    show_worth_line(RunFolder(Path(run["folder"])))


def _note(run: dict[str, Any]) -> None:
    """Show what people said about the run, with a button to say more."""
    folder = RunFolder(Path(run["folder"]))
    if not folder.path.is_dir():
        return
    note = load_note(folder)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(tr("Note and tags"), icon=":material/sell:", key="note", type="tertiary"):
            open_dialog("note", [{**run, "note": note.text, "tags": note.tags}])
        tags = " ".join(f":gray-badge[{escape(tag)}]" for tag in note.tags)
        if note.text or tags:
            st.markdown(f"{tags} {escape(note.text)}".strip(), width="content")


def _open_sweep(run: dict[str, Any]) -> None:
    if run.get("sweep") and st.button(
        tr("Sweep {name}", name=escape(run["sweep"])), icon=":material/grid_view:", key="sweep"
    ):
        state.open_sweep(run["sweep"])


def _place(run: dict[str, Any]) -> str:
    if is_elsewhere(run["run"]):
        return tr(
            "experiment {experiment} in MLflow, not launched by Slipway",
            experiment=run["experiment"],
        )
    return str(run["engine"])


def _buttons(run: dict[str, Any]) -> None:
    if is_elsewhere(run["run"]):
        _link_to_mlflow(run)
        return
    is_over = State(run["state"]).is_finished
    if not is_over and st.button(tr("Stop"), icon=":material/stop:", key="stop"):
        _do(runs.stop, run)
    can_retry = run["state"] in (State.FAILED, State.STOPPED)
    if can_retry and st.button(tr("Retry"), icon=":material/replay:", key="retry"):
        _do(runs.retry, run)
    has_data = not any(step["name"] == "build" for step in run["steps"])
    if has_data and st.button(tr("Clone and edit"), icon=":material/content_copy:", key="clone"):
        state.open_launch(run["launch"])
    last = RunFolder(Path(run["folder"])).weights("last")
    if (
        is_over
        and last.is_file()
        and st.button(
            tr("Train further"),
            icon=":material/forward:",
            key="further",
            help=tr("A new launch like this one that starts from its last.pt"),
        )
    ):
        volume = services.volume()
        state.open_launch(run["launch"], model=volume.relative(last))
    best = RunFolder(Path(run["folder"])).weights("best")
    if (
        is_over
        and best.is_file()
        and st.button(tr("Test again"), icon=":material/rule:", key="retest")
    ):
        open_dialog("retest", [run])
    _open_sweep(run)
    _link_to_mlflow(run)
    if is_over and st.button(tr("Delete"), icon=":material/delete:", key="delete"):
        st.dialog(tr("Delete this run?"))(_confirm_delete)(run)


def _link_to_mlflow(run: dict[str, Any]) -> None:
    url = (run["mlflow"] or {}).get("url")
    if server_state(services.settings()) == "starting":
        st.button(tr("MLflow is starting"), icon=":material/hourglass_top:", disabled=True)
    elif url:
        st.link_button("MLflow", url, icon=":material/open_in_new:")


def _do(action: Callable[..., Any], run: dict[str, Any]) -> None:
    try:
        action(services.settings(), run["run"])
    except SlipwayError as reason:
        show_error(reason)
        return
    st.rerun()


def _confirm_delete(run: dict[str, Any]) -> None:
    st.write(
        tr(
            "{run} disappears from the list and its files are removed from the "
            "volume. What MLflow has stays there.",
            run=escape(run["launch"] or run["run"]),
        )
    )
    if st.button(tr("Delete"), type="primary", icon=":material/delete:", key="delete_confirmed"):
        runs.delete(services.settings(), run["run"])
        state.open_runs()


def _banner(run: dict[str, Any]) -> None:
    if run["state"] != State.FAILED:
        if run["message"]:  # what it waits for, when it was last seen, where it writes
            st.info(escape(run["message"]), icon=":material/info:")
        return
    failed = next((step for step in run["steps"] if step["state"] == State.FAILED), None)
    reason = (failed or {}).get("message") or run.get("message") or tr("The run failed.")
    where = tr("**{name} failed:** ", name=failed["name"]) if failed else ""
    st.error(f"{where}{escape(reason)}", icon=":material/error:")
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
            ""
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
        st.metric(
            tr(_TESTED[test.get("split", "test")]),
            share(test.get("mAP50-95")),
            help=tr("Of best.pt, measured by the test step"),
            width="content",
        )
        for name, title in _SHARES.items():
            value = test.get(name, metrics.get(name, {}).get("last"))
            note = tr("On the split of the test step; on val before that")
            st.metric(tr(title), share(value), help=note, width="content")


def _curves() -> None:
    run = _shown()
    tracking = services.tracking()
    if is_elsewhere(run["run"]):
        history = tracking.history(run["run"])
    else:
        history, source = tracking.history_or_file(_folder())
        if source != "mlflow" and history:
            st.caption(
                tr("MLflow does not have these values or does not answer: from results.csv.")
            )
    if not history:
        st.info(_why_no_curves(run), icon=":material/show_chart:")
        return
    best_epoch = run["metrics"].get("mAP50-95", {}).get("best_epoch")
    show_curves(history, colours(), best_epoch)
    show_machine(read_samples(_folder().machine), colours())


def _why_no_curves(run: dict[str, Any]) -> str:
    names = {step["name"] for step in run["steps"]}
    if names and "train" not in names:
        return tr("This run does not train, so it has no curves.")
    if State(run["state"]).is_finished:
        return tr("The run ended before its first epoch: there are no curves.")
    return tr("Curves appear here after the first epoch.")


def _settings() -> None:
    path = _folder().applied
    applied = json.loads(read_text(path)) if path.is_file() else None
    show_settings(_shown()["params"], applied)


def _origin() -> None:
    with st.spinner(tr("Looking at the files and the dataset")):
        found = lineage(services.settings(), _folder())
    chosen = show_lineage(found)
    if chosen:
        state.open_run(chosen)
    if found and st.button(tr("Open the dataset"), icon=":material/dataset:", key="origin.dataset"):
        state.open_dataset(found.record.choices.data)


def _log() -> None:
    run = _shown()
    begun = [step["name"] for step in run["steps"] if step["started_at"]]
    if not begun:
        st.info(tr("The log appears when the first step starts."), icon=":material/notes:")
        return
    chosen = st.segmented_control(
        tr("Step"),
        begun,
        default=begun[-1],
        required=True,
        key="log_step",
        label_visibility="collapsed",
    )
    step = chosen or begun[-1]
    show_log(_log_so_far(run["run"], step), name=step)


def _log_so_far(run: str, step: str) -> str:
    """Read only what came since the last refresh; a reload starts from the beginning."""
    key = f"log of {run} {step}"
    offset, text = st.session_state.get(key, (0, ""))
    chunk = runs.logs(services.settings(), run, step, offset)
    st.session_state[key] = (chunk.offset, text + chunk.text)
    return str(text + chunk.text)
