"""Why the model is wrong: what its test lost most by, which images, and at what confidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

import pandas as pd
import polars as pl
import streamlit as st

from dashboard import state
from dashboard.i18n import marked, tr, tr_said, tr_text
from dashboard.plain import Markdown, joined, plain
from dashboard.theme import colours
from dashboard.views.run.mistaken_images import show_images
from dashboard.views.runs.actions import Asked, open_dialog
from dashboard.widgets.choosing import one_of
from dashboard.widgets.mistakes.charts import choose_cell, show_confidences, show_cost
from dashboard.widgets.mistakes.words import FATES, KINDS, answer
from pipeline.actions.mistakes import Judged, Seen
from pipeline.actions.runs.model import RunFacts
from pipeline.core.errors import FileMissing
from pipeline.core.mistakes.stored import read_stored
from pipeline.core.mistakes.sums import images_of_cell, matrix
from pipeline.core.mistakes.table import CONF
from pipeline.core.mistakes.threshold import Threshold
from pipeline.core.volume.run_folder import RunFolder

_VIEWS = {"images": marked("Images"), "confidence": marked("Confidence")}
_LEAST, _MOST, _STEP = 0.01, 0.99, 0.01
_SIZES = {
    "small": marked("small, to 32² px"),
    "medium": marked("medium, to 96² px"),
    "large": marked("large"),
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
    st.markdown(answer(map50 if best else None, stored.split, seen.cost))
    if best and any(seen.cost.values()):
        show_cost(seen.cost, 1 - map50, colours())
    if seen.left_out:
        st.caption(joined(" ", [tr_said(sentence) for sentence in seen.left_out]))
    conf = _confidence(best, seen.least)
    judged = _judged(str(folder.path), stamp, conf)
    view = one_of(
        tr("View"),
        {name: tr(text) for name, text in _VIEWS.items()},
        "mistakes_view",
        has_label=False,
        in_url=True,
    )
    if view == "confidence":
        _show_confidence(seen, conf, best)
    else:
        _show_images(folder, seen, judged)


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
    can_test = not run.is_live and folder.weights("best").is_file()
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


def _confidence(best: Threshold | None, kept: float) -> float:
    """Ask for a confidence at which the boxes that the test kept can be judged."""
    least = min(max(_LEAST, math.ceil(round(100 * kept, 6)) / 100), _MOST - _STEP)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        conf = st.slider(
            tr("Confidence"),
            least,
            _MOST,
            max(CONF, least),
            _STEP,
            key="conf",
            bind="query-params",
            width=320,
            help=tr("Predictions of less do not count below."),
        )
        if best:
            at = min(max(round(best.conf, 2), least), _MOST)
            st.button(
                tr("Best F1: {conf}", conf=f"{at:.2f}"),
                key="mistakes.best",
                disabled=at == conf,
                on_click=_take_confidence,
                args=(at,),
            )
    return float(conf)


def _take_confidence(conf: float) -> None:
    st.session_state["conf"] = conf


def _show_images(folder: RunFolder, seen: Seen, judged: Judged) -> None:
    labels, look = seen.stored.labels, colours()
    left, right = st.columns([2, 3], gap="medium")
    with left:
        is_share = st.toggle(tr("Shares of a row"), key="shares", bind="query-params")
        cell = choose_cell(matrix(judged.boxes, labels), look, is_share=is_share)
        st.caption(tr("Click a cell to see its images."))
    with right:
        kind = _kind(judged.counts)
        images, title = judged.images, tr("All images, worst first")
        if kind:
            images = images.filter(pl.col(kind) > 0).sort(kind, descending=True)
            title = tr("With {kind}, most first", kind=tr(FATES[kind]))
        if cell:
            count = images_of_cell(judged.boxes, *cell)
            images = images.join(count, on="image", how="inner").sort("count", descending=True)
            title = _title(cell, labels)
        show_images(folder, seen.stored, judged, images, title=title)


def _kind(counts: Mapping[str, int]) -> str:
    """Offer the kinds of mistakes that there are, with how many."""
    present = [name for name in KINDS if counts[name]]
    asked = state.seed("kind", "", ["", *present])
    if st.session_state[asked] not in present:
        st.session_state[asked] = None
    chosen = st.pills(
        tr("Mistakes"),
        present,
        format_func=lambda name: joined(" ", [tr(FATES[name]), Markdown(f"{counts[name]:,}")]),
        key=asked,
        label_visibility="collapsed",
    )
    state.publish("kind", chosen)
    return chosen or ""


def _title(cell: tuple[int | None, int | None], labels: tuple[str, ...]) -> Markdown:
    target, predicted = ("" if number is None else labels[number] for number in cell)
    if not target:
        return tr("{predicted} predicted, with no label of its own", predicted=predicted)
    if not predicted:
        return tr("{target} that was not found", target=target)
    return tr("{target} predicted as {predicted}", target=target, predicted=predicted)


def _show_confidence(seen: Seen, conf: float, best: Threshold | None) -> None:
    if best is None:
        st.info(tr("Without targets there is nothing to weigh."), icon=":material/rule:")
        return
    labels, measured = seen.stored.labels, seen.measured
    left, right = st.columns(2, gap="medium")
    with left:
        names = {"": tr("all classes")} | {
            str(at): plain(labels[number]) for at, number in enumerate(measured.classes)
        }
        chosen = st.selectbox(
            tr("Class"), list(names), format_func=names.__getitem__, key="class_of_curves"
        )
        number = int(chosen) if chosen else None
        show_confidences(measured, conf, number, colours(), least=seen.least)
    with right:
        st.markdown(tr("**Where F1 is best**"))
        rows = [(tr_text("all"), best), *seen.best_by_class.items()]
        table = _thresholds(rows)
        shares = {name: st.column_config.NumberColumn(format="%.3f") for name in table.columns[1:]}
        st.dataframe(
            table, hide_index=True, placeholder="–", height="content", column_config=shares
        )
        st.markdown(tr("**By size of the target**"))
        sizes = [(tr_text(_SIZES[name]), of.instances, of.ap) for name, of in seen.sizes.items()]
        columns = [tr_text("size"), tr_text("instances"), "AP50-95"]
        three = {"AP50-95": st.column_config.NumberColumn(format="%.3f")}
        st.dataframe(
            pd.DataFrame(sizes, columns=columns),
            hide_index=True,
            placeholder="–",
            column_config=three,
        )
        st.caption(
            tr(
                "Precision and recall are at IoU 0.5. Sizes are COCO's: areas of boxes in the "
                "original image."
            )
        )


def _thresholds(rows: list[tuple[str, Threshold | None]]) -> pd.DataFrame:
    cells = [
        (name, *((at.conf, at.precision, at.recall, at.f1) if at else (None,) * 4))
        for name, at in rows
    ]
    columns = ("class", "confidence", "precision", "recall")
    return pd.DataFrame(cells, columns=[*(tr_text(name) for name in columns), "F1"])
