"""One run: its head, and a tab for each thing that one may look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st
from streamlit.elements.lib.mutable_tab_container import TabContainer

from dashboard import services, state
from dashboard.errors import guarded
from dashboard.i18n import marked, tr
from dashboard.plain import Markdown, plain
from dashboard.theme import colours
from dashboard.views.run.head import show_head
from dashboard.views.run.mistakes import show_mistakes
from dashboard.views.run.tune import show_tune
from dashboard.views.runs.actions import show_dialog
from dashboard.widgets.choosing import one_of
from dashboard.widgets.formats import elapsed_s
from dashboard.widgets.runs.curves import show_curves
from dashboard.widgets.runs.log import show_log
from dashboard.widgets.runs.machine import show_machine
from dashboard.widgets.runs.results import show_files, show_images, show_test
from dashboard.widgets.runs.settings import show_lineage, show_settings
from pipeline.actions.runs import details as runs
from pipeline.actions.runs.lineage import lineage
from pipeline.actions.runs.model import RunDetails, RunFacts
from pipeline.core.files import read_text
from pipeline.core.states import State
from pipeline.core.volume.machine import read_samples
from pipeline.core.volume.run_folder import RunFolder
from pipeline.engines.base import EXIT_HANDLER, Step

REFRESH_S = 2
# A cluster calls a run over some seconds before its pods have printed their last lines.
_LOG_SETTLES_S = 60


def render() -> None:
    """Show the run that the URL names."""
    if not state.run_id():
        st.subheader(tr("No run chosen"))
        st.write(tr("Open one from the list of runs."))
        if st.button(tr("All runs"), icon=":material/list:", type="primary"):
            state.open_runs()
        return
    run = _shown()
    is_live = run.facts.is_live
    parts = _parts(run)
    names = list(parts)
    tells = _opened(names) != "Mistakes"  # that tab begins with the same sentence
    _live(partial(show_head, tells_mistakes=tells), is_live, run)()
    guarded(show_dialog)()
    for name, tab in _tabs(names).items():
        if tab.open:
            state.publish("tab", name, names[0])
            over_s = elapsed_s(run.facts.finished_at)
            is_settling = name == "Log" and over_s is not None and over_s < _LOG_SETTLES_S
            with tab:
                _live(parts[name], is_live or is_settling, run)()


def _parts(run: RunDetails) -> dict[str, Callable[[RunDetails], None]]:
    """Give the tabs in their order, and what each shows; most are about the run's files."""
    folder = run.facts.folder
    if folder is None:
        return {"Curves": _curves, "Settings": _settings}
    return {
        marked("Curves"): _curves,
        marked("Images"): lambda _: show_images(folder.path),
        marked("Test by class"): lambda run: show_test(run.tested),
        marked("Mistakes"): lambda run: show_mistakes(run.facts, folder),
        marked("Tune"): lambda run: show_tune(run.facts, folder),
        marked("Settings"): _settings,
        marked("Origin"): lambda _: _origin(folder),
        marked("Log"): lambda run: _log(run.facts),
        marked("Files"): lambda _: show_files(folder.path),
    }


def _opened(names: Sequence[str]) -> str:
    """Give the tab that is open; it is the one that the URL names when the URL is new."""
    asked = state.url_text("tab")
    if asked in names and state.is_asked_anew("tab"):
        st.session_state["form.tab"] = tr(asked)
    shown = st.session_state.get("form.tab")
    return next((name for name in names if tr(name) == shown), names[0])


def _tabs(names: Sequence[str]) -> dict[str, TabContainer]:
    shown = st.tabs([tr(name) for name in names], key="form.tab", on_change="rerun")
    return dict(zip(names, shown, strict=True))


def _live(part: Callable[[RunDetails], None], is_live: bool, run: RunDetails) -> Callable[[], None]:
    """Make a part that draws the run as it is given, and asks for it once when it draws again."""
    given = [run]

    def draw() -> None:
        part(given.pop() if given else _shown())

    return st.fragment(guarded(draw), run_every=REFRESH_S if is_live else None)


def _shown() -> RunDetails:
    return runs.show(services.here(), state.run_id())


def _curves(run: RunDetails) -> None:
    if not run.history:
        st.info(_why_no_curves(run.facts), icon=":material/show_chart:")
        return
    if run.metrics_source != "mlflow":
        st.caption(tr("MLflow does not have these values or does not answer: from results.csv."))
    best_epoch = run.metrics.get("mAP50-95", {}).get("best_epoch")
    show_curves(run.history, colours(), best_epoch)
    if run.facts.folder:
        show_machine(read_samples(run.facts.folder.machine), colours())


def _why_no_curves(run: RunFacts) -> Markdown:
    names = {step.name for step in run.steps}
    if names and "train" not in names:
        return tr("This run does not train, so it has no curves.")
    if run.state.is_finished:
        return tr("The run ended before its first epoch: there are no curves.")
    return tr("Curves appear here after the first epoch.")


def _settings(run: RunDetails) -> None:
    path = run.facts.folder.applied if run.facts.folder else None
    applied = json.loads(read_text(path)) if path and path.is_file() else None
    show_settings(run.params, applied)


def _origin(folder: RunFolder) -> None:
    with st.spinner(tr("Looking at the files and the dataset")):
        found = lineage(services.here(), folder)
    chosen = show_lineage(found)
    if chosen:
        state.open_run(chosen)
    if found and st.button(tr("Open the dataset"), icon=":material/dataset:", key="origin.dataset"):
        state.open_dataset(found.record.choices.data)


def _log(run: RunFacts) -> None:
    begun = [step.name for step in run.steps if step.started_at]
    if not begun:
        st.info(tr("The log appears when the first step starts."), icon=":material/notes:")
        return
    names, telling = {name: plain(name) for name in begun}, _telling(run.steps)
    step = one_of(tr("Step"), names, "log_step", default=telling, has_label=False)
    show_log(_log_so_far(run.id, step), name=step)


def _telling(steps: Sequence[Step]) -> str:
    """Give the step whose log tells most: what failed, else the latest but for the exit handler."""
    begun = [step for step in steps if step.started_at]
    failed = [step.name for step in begun if step.state is State.FAILED]
    latest = [step.name for step in begun if step.name != EXIT_HANDLER]
    return (failed or latest or [EXIT_HANDLER])[-1]


def _log_so_far(run: str, step: str) -> str:
    """Read only what came since the last refresh; a reload starts from the beginning."""
    key = f"log of {run} {step}"
    offset, text = st.session_state.get(key, (0, ""))
    chunk = runs.logs(services.here(), run, step, offset)
    st.session_state[key] = (chunk.offset, text + chunk.text)
    return str(text + chunk.text)
