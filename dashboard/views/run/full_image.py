"""An image of a test, or of two, at full size, with its boxes and a way to the next ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import polars as pl
import streamlit as st

from dashboard import state
from dashboard.errors import guarded
from dashboard.i18n import tr, tr_said_text
from dashboard.plain import Markdown, joined, plain
from dashboard.widgets.choosing import one_of
from dashboard.widgets.mistakes.box_table import choose_box
from dashboard.widgets.mistakes.overlay import close_up_html
from dashboard.widgets.mistakes.tiles import boxes_of, summary
from dashboard.widgets.mistakes.zoom import follow_wheel, show_zoomable
from pipeline.actions.mistakes import Judged
from pipeline.core.dataset.thumbnails import Picture

_SIDE_PX, _ROOM_PX = 1600, 760
_Look = Callable[[int, str], Picture | str]
_Boxes = Sequence[Mapping[str, Any]]


def show_chosen(
    look: _Look, labels: Sequence[str], tests: Mapping[str, Judged], order: Sequence[str]
) -> None:
    """Show the image that the URL names, if it does, and lead to others in this order.

    Parameters
    ----------
    look
        Gives a picture of so many pixels of an image, or why there is none.
    labels
        Names of the classes by id.
    tests
        What became of the boxes in a run's test, by the run; those of two are seen side by side.
    order
        Names of images.
    """
    if state.url_text(state.IMAGE):
        dialog = st.dialog(tr("Labels and predictions"), width="large", on_dismiss=_close)
        dialog(guarded(_full))(look, labels, tests, order)


def open_image(name: str) -> None:
    """Open the dialog with an image."""
    _go(name)
    st.rerun()


def _go(name: str) -> None:
    state.set_url(state.IMAGE, name)


def _close() -> None:
    _go("")


def _full(
    look: _Look, labels: Sequence[str], tests: Mapping[str, Judged], order: Sequence[str]
) -> None:
    name = state.url_text(state.IMAGE)
    told = {run: _told(judged, name) for run, judged in tests.items()}
    if not all(told.values()):
        st.info(tr("{name} is not an image of this test.", name=name))
        return
    (run, judged), *others = tests.items()
    if not others:
        _one(look, labels, judged, told[run], name, order)
    else:
        _side_by_side(look, labels, tests, told, name, order)
    follow_wheel()


def _told(judged: Judged, name: str) -> str:
    """Say what is wrong with an image; nothing where it is none of the test."""
    rows = judged.images.filter(pl.col("image").cast(pl.String) == name)
    return summary(rows.row(0, named=True)) if len(rows) else ""


def _one(
    look: _Look, labels: Sequence[str], judged: Judged, told: str, name: str, order: Sequence[str]
) -> None:
    left, right = st.columns([2, 1], gap="medium")
    with right:
        _neighbours(name, order)
        st.markdown(f"**{plain(name)}**")
        st.caption(plain(told))
        boxes = _boxes(judged, name, _roles())
        chosen = choose_box(boxes, labels, name) if boxes else None
    with left:
        picture = look(_SIDE_PX, name)
        if isinstance(picture, str):
            _show_broken(picture)
        elif chosen is None:
            show_zoomable(picture, boxes, labels, times=_zoom(), described=name)
        else:
            _show_near(picture, boxes, labels, box=chosen, described=name)


def _side_by_side(
    look: _Look,
    labels: Sequence[str],
    tests: Mapping[str, Judged],
    told: Mapping[str, str],
    name: str,
    order: Sequence[str],
) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(name)}**", width="content")
        roles, times = _roles(), _zoom()
        _neighbours(name, order)
    picture = look(_SIDE_PX, name)
    if isinstance(picture, str):
        _show_broken(picture)
        return
    for column, (run, judged) in zip(st.columns(len(tests)), tests.items(), strict=True):
        with column:
            st.caption(joined(" · ", [plain(run), plain(told[run])]))
            boxes = _boxes(judged, name, roles)
            show_zoomable(picture, boxes, labels, times=times, described=f"{name}, {run}")


def _boxes(judged: Judged, name: str, roles: Collection[str]) -> _Boxes:
    return [box for box in boxes_of(judged, [name])[name] if box["role"] in roles]


def _show_broken(reason: str) -> None:
    st.error(plain(tr_said_text(reason)), icon=":material/broken_image:")


def _roles() -> set[str]:
    """Ask for what is drawn."""
    offered = {"target": tr("labels ──"), "prediction": tr("predictions ╌╌")}
    with st.container(horizontal=True):
        return {
            role
            for role, words in offered.items()
            if st.checkbox(words, value=True, key=f"mistakes.{role}s")
        }


def _zoom() -> int:
    """Ask how large the picture is to be; the mouse wheel makes it larger, too."""
    zooms = {str(times): Markdown(f"{times}×") for times in (1, 2, 4)}
    return int(one_of(tr("Zoom"), zooms, "mistakes.zoom", has_label=False))


def _show_near(
    picture: Picture,
    boxes: _Boxes,
    labels: Sequence[str],
    *,
    box: Mapping[str, Any],
    described: str,
) -> None:
    around = [box[corner] for corner in ("x1", "y1", "x2", "y2")]
    st.html(
        close_up_html(picture, boxes, labels, around=around, width_px=_ROOM_PX, described=described)
    )


def _neighbours(name: str, order: Sequence[str]) -> None:
    """Offer the images before and after, in the order of the grid."""
    at = order.index(name) if name in order else -1
    with st.container(horizontal=True, vertical_alignment="center"):
        # A button has one key: a second one, which nobody sees, has the other.
        for icon, key, place, text in (
            (":material/chevron_left:", "Left", at - 1, tr("Previous image (← or p)")),
            (":material/chevron_right:", "Right", at + 1, tr("Next image (→ or n)")),
            ("", "p", at - 1, Markdown()),
            ("", "n", at + 1, Markdown()),
        ):
            is_there = at >= 0 and 0 <= place < len(order)
            st.button(
                "",
                icon=icon or None,
                key=f"mistakes.{key}",
                help=text or None,
                disabled=not is_there,
                shortcut=key,
                on_click=_go,
                args=(order[place] if is_there else "",),
            )
        if at >= 0:
            st.caption(f"{at + 1:,} / {len(order):,}")
