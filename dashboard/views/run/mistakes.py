"""Why the model is wrong: what its test lost most by, which images, and at what confidence."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import streamlit as st

from dashboard import services, state
from dashboard.i18n import marked, tr, tr_said
from dashboard.plain import joined
from dashboard.theme import colours
from dashboard.views.run.confidences import show_confidence
from dashboard.views.run.doubtful_labels import show_doubtful
from dashboard.views.run.mistaken_kinds import choose_kind, show_kinds
from dashboard.views.run.mistaken_slices import show_slices, sliced
from dashboard.views.run.suggestions import show_suggestions
from dashboard.views.runs.actions import Asked, open_dialog
from dashboard.widgets.choosing import one_of
from dashboard.widgets.mistakes.charts import show_cost
from dashboard.widgets.mistakes.confidence import LEAST_CONF, MOST_CONF, least_on_slider
from dashboard.widgets.mistakes.words import Cell, answer, lost_in_words
from pipeline.actions.launching.retest import measured_weights
from pipeline.actions.mistakes import Judged, Seen
from pipeline.actions.runs.model import RunFacts
from pipeline.actions.suggestions import suggestions
from pipeline.core.checks.suggestions import Suggestion
from pipeline.core.errors import FileMissing, InputError
from pipeline.core.mistakes.lost_most import LostMost, lost_most
from pipeline.core.mistakes.stored import read_stored
from pipeline.core.mistakes.table import CONF
from pipeline.core.mistakes.threshold import Threshold
from pipeline.core.volume.operating_point import load_operating_point
from pipeline.core.volume.run_folder import RunFolder

_STEP = 0.01
_VIEWS = {
    "images": marked("Images"),
    "slices": marked("Slices"),
    "confidence": marked("Confidence"),
    "labels": marked("Labels"),
}


def show_mistakes(run: RunFacts, folder: RunFolder) -> None:
    """Show what the test of a run got wrong."""
    try:
        stamp = folder.boxes.stat().st_mtime_ns
        seen = _seen(str(folder.path), stamp)
    except (FileNotFoundError, FileMissing):
        _why_not(run, folder)
        return
    stored, best, map50 = seen.stored, seen.best, seen.metrics["mAP50"]
    st.markdown(
        answer(map50 if best else None, stored.split, seen.cost),
        help=tr(
            "What mending one kind alone would bring, all else left as it is (TIDE). What is grey "
            "comes back only where several kinds are mended together."
        )
        if best and any(seen.cost.values())
        else None,
    )
    if best and (told := _lost(str(folder.path), stamp)):
        st.markdown(lost_in_words(told, stored.names, CONF))
    if best and any(seen.cost.values()):
        show_cost(seen.cost, 1 - map50, colours(), _choose_kind)
    if seen.left_out:
        st.caption(joined(" ", [tr_said(sentence) for sentence in seen.left_out]))
    conf = _confidence(best, seen.least, _kept_conf(folder))
    judged = _judged(str(folder.path), stamp, conf)
    if best:
        show_suggestions(run, folder, suggestions(folder, seen, judged), _look_at)
    view = one_of(
        tr("View"),
        {name: tr(text) for name, text in _VIEWS.items()},
        "mistakes_view",
        has_label=False,
        in_url=True,
    )
    if view == "slices":
        show_slices(folder, stamp, conf, seen, judged)
    elif view == "confidence":
        show_confidence(run.id, folder, seen, judged, conf, _take_confidence, _choose_kind)
    elif view == "labels":
        show_doubtful(folder, seen, judged)
    else:
        show_kinds(folder, seen, judged, conf)


def _why_not(run: RunFacts, folder: RunFolder) -> None:
    if not folder.test_metrics.is_file():
        text = tr("The test step has not finished yet.")
        if not run.is_live:
            text = tr("This run has no finished test, so nothing says what the model gets wrong.")
        st.info(text, icon=":material/rule:")
        return
    st.info(
        tr(
            "This test did not keep what it saw: it was made before Slipway did, or is none of "
            "detection. Test the weights again to see what they get wrong."
        ),
        icon=":material/rule:",
    )
    can_test = not run.is_live and measured_weights(services.here().volume, folder)
    if can_test and st.button(tr("Test again"), icon=":material/rule:", key="mistakes.retest"):
        open_dialog(Asked("retest", [run]))
        st.rerun()


# A process holds few: a test of 100,000 images takes 200 MB.
@st.cache_resource(max_entries=2, show_spinner=False)
def _seen(folder: str, stamp: int) -> Seen:
    with st.spinner(tr("Reading what the test saw")):
        seen = Seen(read_stored(RunFolder(Path(folder))))
        assert seen.metrics
        assert seen.cost
    # While a person looks at the first view; who moves the slider sooner waits for it.
    Thread(target=lambda: seen.matched, daemon=True).start()
    return seen


@st.cache_resource(max_entries=4, show_spinner=False)
def _judged(folder: str, stamp: int, conf: float) -> Judged:
    return _seen(folder, stamp).at(conf)


@st.cache_resource(max_entries=4, show_spinner=False)
def _lost(folder: str, stamp: int) -> LostMost | None:
    seen, judged = _seen(folder, stamp), _judged(folder, stamp, CONF)
    return lost_most(sliced(folder, stamp, CONF, seen, judged))


def _kept_conf(folder: RunFolder) -> float | None:
    try:
        kept = load_operating_point(folder)
    except InputError:  # the run's head says so
        return None
    return kept.conf if kept else None


def _confidence(best: Threshold | None, kept: float, chosen: float | None) -> float:
    """Ask for a confidence at which the boxes that the test kept can be judged."""
    least = least_on_slider(kept)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        conf = st.slider(
            tr("Confidence"),
            least,
            MOST_CONF,
            max(CONF if chosen is None else _on_slider(chosen), least),
            _STEP,
            key="conf",
            bind="query-params",
            width=320,
            help=tr("Predictions of less do not count below."),
        )
        if best and best.f1:
            at = max(_on_slider(best.conf), least)
            st.button(
                tr("Best F1: {conf}", conf=f"{at:.2f}"),
                key="mistakes.best",
                disabled=at == conf,
                on_click=_take_confidence,
                args=(at,),
            )
    return float(conf)


def _take_confidence(conf: float) -> None:
    st.session_state["conf"] = _on_slider(conf)


def _on_slider(conf: float) -> float:
    return min(max(round(conf, 2), LEAST_CONF), MOST_CONF)


def _choose_kind(kind: str, cell: Cell | None = None) -> None:
    choose_kind(kind, cell)
    state.fill("mistakes_view", "images")


def _look_at(entry: Suggestion) -> None:
    """Show the images that a suggestion is about."""
    _choose_kind(entry.kind, entry.cell)
