"""The images of a test by what is wrong with them: by the kind of mistake, and by both classes."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import state
from dashboard.i18n import marked, tr
from dashboard.plain import joined
from dashboard.theme import colours
from dashboard.views.run.mistaken_images import show_images
from dashboard.widgets.choosing import kind_of
from dashboard.widgets.mistakes.charts import choose_cell
from dashboard.widgets.mistakes.words import FATES, KINDS, Cell, cell_title
from pipeline.actions.mistakes import Judged, Seen
from pipeline.core.mistakes.sums import images_of_cell, matrix
from pipeline.core.mistakes.table import IOU
from pipeline.core.volume.run_folder import RunFolder

_MATRIX = "mistakes.matrix"
# What is shown, the column, whether large values come first.
_ORDERS = {
    "": (marked("worst first"), "", False),
    "f1": (marked("lowest F1 first"), "f1", False),
    "targets": (marked("most targets first"), "targets", True),
    "dark": (marked("darkest first"), "brightness", False),
    "bright": (marked("brightest first"), "brightness", True),
    "blurred": (marked("most blurred first"), "sharpness", False),
    "sharp": (marked("sharpest first"), "sharpness", True),
    "name": (marked("by name"), "image", False),
}


def show_kinds(folder: RunFolder, seen: Seen, judged: Judged, conf: float) -> None:
    """Show the confusion matrix beside the kinds of mistakes, and the images of what is chosen.

    Parameters
    ----------
    folder, seen
        The run's files, and what its test saw.
    judged, conf
        What became of the boxes at the confidence.
    """
    labels, look = seen.stored.names, colours()
    left, right = st.columns([2, 3], gap="medium")
    with left:
        is_share = st.toggle(tr("Shares of a row"), key="shares", bind="query-params")
        key = f"mistakes.matrix.{st.session_state.get(_MATRIX, 0)}"
        cell = choose_cell(
            matrix(judged.boxes, labels), look, is_share=is_share, cell=_asked_cell(labels), key=key
        )
        state.set_url(state.CELL, _cell_text(cell))
        _explain_matrix(seen, conf)
    with right:
        with st.container(horizontal=True, vertical_alignment="center"):
            words = {name: FATES[name] for name in KINDS}
            kind = kind_of(tr("Mistakes"), judged.counts, words, "kind")
            order = _order()
        images, title = judged.images, tr("All images")
        if kind:
            images = images.filter(pl.col(kind) > 0).sort(kind, descending=True)
            title = tr("With {kind}", kind=tr(FATES[kind]))
        if cell:
            count = images_of_cell(judged.boxes, *cell)
            images = images.join(count, on="image", how="inner").sort("count", descending=True)
            title = joined(" · ", [*([title] if kind else []), cell_title(cell, labels)])
        if order:
            images = _ordered(images, order)
        show_images(folder, seen.stored, judged, images, title=title)


def choose_kind(kind: str, cell: Cell | None) -> None:
    """Choose a kind of mistake, or none, and a cell of the matrix, or none."""
    state.fill("kind", kind or None)
    state.set_url(state.CELL, _cell_text(cell))
    st.session_state[_MATRIX] = st.session_state.get(_MATRIX, 0) + 1


def _explain_matrix(seen: Seen, conf: float) -> None:
    """Say what a click does, and how this matrix differs from the kinds and the test's own one."""
    st.caption(
        tr("Click a cell to see its images."),
        help=tr(
            "Targets in the column (background) were met by no box at IoU {iou}. Where one is "
            "near, they count as *badly placed*, not as *missed*: those are fewer.",
            iou=f"{IOU:g}",
        ),
    )
    if seen.least < conf:
        st.caption(
            tr(
                "Boxes count from confidence {conf} on; in the test's own matrix, of which the tab "
                "Images has a picture, from {least} on.",
                conf=f"{conf:g}",
                least=f"{seen.least:g}",
            )
        )


def _order() -> str:
    """Offer other orders than the worst first."""
    key = state.seed("order", "", list(_ORDERS))
    chosen = st.selectbox(
        tr("Order"),
        list(_ORDERS),
        format_func=lambda name: tr(_ORDERS[name][0]),
        key=key,
        label_visibility="collapsed",
        width=210,
    )
    state.publish("order", chosen, "")
    return str(chosen)


def _ordered(images: pl.DataFrame, order: str) -> pl.DataFrame:
    _, column, is_descending = _ORDERS[order]
    by = pl.col(column).cast(pl.String) if column == "image" else pl.col(column)
    return images.sort(by, descending=is_descending, nulls_last=True, maintain_order=True)


def _asked_cell(labels: tuple[str, ...]) -> Cell | None:
    """Give the cell that the URL names: ids of both classes, nothing for the background."""
    target, found, predicted = state.url_text(state.CELL).partition("-")
    known = {"": None} | {str(number): number for number in range(len(labels))}
    if not found or target not in known or predicted not in known:
        return None
    return known[target], known[predicted]


def _cell_text(cell: Cell | None) -> str:
    return "-".join("" if number is None else str(number) for number in cell) if cell else ""
