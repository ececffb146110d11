"""The images of a test with labels and predictions: a grid to leaf through, one at full size."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pandas as pd
import polars as pl
import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded
from dashboard.i18n import tr, tr_said_text, tr_text
from dashboard.plain import Markdown, joined, plain
from dashboard.widgets.choosing import one_of
from dashboard.widgets.formats import plural
from dashboard.widgets.mistakes.overlay import close_up_html, picture_html
from dashboard.widgets.mistakes.words import FATES, KINDS, fate_of
from dashboard.widgets.paging import first_page, page_at
from dashboard.widgets.rows import rows_key
from pipeline.actions.mistakes import Judged, image_folder
from pipeline.core.dataset.thumbnails import Picture
from pipeline.core.errors import SlipwayError
from pipeline.core.mistakes.stored import Stored
from pipeline.core.volume.run_folder import RunFolder

PAGE_IMAGES = 12
TILE_PX, _TILE_ROOM_PX = 320, 210
_SIDE_PX, _ROOM_PX = 1600, 760
_ABOUT = "mistakes.about"


class Look:
    """Where the images of a test are, and their pictures; safe for threads.

    Parameters
    ----------
    folder
        The run's.
    split
        That of the test.
    """

    def __init__(self, folder: RunFolder, split: str) -> None:
        self._volume, self._thumbnails = services.here().volume, services.thumbnails()
        self._base = image_folder(self._volume, folder, split)

    def path(self, name: str) -> str:
        """Give the path of an image."""
        return os.path.normpath(self._base / name)  # a list's images are named with ".."

    def __call__(self, side_px: int, name: str) -> Picture | str:
        """Give a picture of an image, or why there is none."""
        try:
            return self._thumbnails.get(self._volume, self.path(name), side_px)
        except SlipwayError as reason:
            return reason.message


def show_images(
    folder: RunFolder, stored: Stored, judged: Judged, images: pl.DataFrame, *, title: Markdown
) -> None:
    """Show a page of images in the order in which they are given.

    Parameters
    ----------
    images
        Rows of ``judged.images``.
    title
        What they have in common.
    """
    if not len(images):
        st.info(tr("No image has it."), icon=":material/filter_alt:")
        return
    page, pages = page_of(len(images), PAGE_IMAGES, title)
    st.caption(joined(" · ", [plural(len(images), "image"), title]))
    shown = images[(page - 1) * PAGE_IMAGES : page * PAGE_IMAGES]
    names = [str(name) for name in shown["image"]]
    look = Look(folder, stored.split)
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(partial(look, TILE_PX), names))
    boxes = boxes_of(judged, names)
    with st.container(key="samples-grid"):
        for number, row in enumerate(shown.iter_rows(named=True)):
            with st.container(key=f"samples-tile-{number}"):
                st.html(tile(pictures[number], boxes[names[number]], stored.names, row))
                if st.button(_name(row), key=f"mistakes.open.{number}", type="tertiary"):
                    _choose(names[number])
    if pages > 1:
        st.pagination(pages, key=state.PAGE, bind="query-params")
    show_chosen(look, stored, judged, images["image"].cast(pl.String).to_list())


def show_chosen(look: Look, stored: Stored, judged: Judged, order: Sequence[str]) -> None:
    """Show the image that the URL names, if it does, and lead to others in this order."""
    if state.url_text(state.IMAGE):
        dialog = st.dialog(tr("Labels and predictions"), width="large", on_dismiss=_close)
        dialog(guarded(_full))(look, stored.names, judged, order)


def page_of(count: int, size: int, about: str) -> tuple[int, int]:
    """Give the page that the URL asks for, and how many there are for so many pictures.

    Where they are about something else than before, it is the first.
    """
    pages = -(-count // size)
    is_other = st.session_state.get(_ABOUT, about) != about
    st.session_state[_ABOUT] = about
    if is_other:
        first_page()
    return page_at(pages), pages


def boxes_of(judged: Judged, names: Sequence[str]) -> Mapping[str, list[dict[str, Any]]]:
    """Give the boxes of images that count at the confidence."""
    counts = (pl.col("role") == "target") | pl.col("fate").is_not_null()
    rows = judged.boxes.filter(pl.col("image").is_in(names) & counts)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for row in rows.iter_rows(named=True):
        found[row["image"]].append(row)
    return found


def tile(
    picture: Picture | str,
    boxes: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    row: Mapping[str, Any],
) -> str:
    """Give an image with its boxes, or why there is no picture, and what is wrong, as HTML."""
    draw = partial(
        picture_html,
        boxes=boxes,
        names=labels,
        width_px=_TILE_ROOM_PX,
        described=str(row["image"]),
    )
    return tile_html(picture, draw, _summary(row))


def tile_html(picture: Picture | str, draw: Callable[[Picture], str], note: str) -> str:
    """Give a tile with a note: the picture as it is drawn, or why there is none."""
    if isinstance(picture, str):
        inner = (
            f'<div class="samples-broken"><b>{html.escape(tr("cannot be shown"))}</b>'
            f"<span>{html.escape(tr_said_text(picture))}</span></div>"
        )
    else:
        inner = f'<div class="mistakes-tile">{draw(picture)}</div>'
    told = f'<span class="samples-note">{html.escape(note)}</span>'
    return f'<div class="samples-picture">{inner}{told}</div>'


def _summary(row: Mapping[str, Any]) -> str:
    parts = [f"{row[kind]} {tr_text(FATES[kind])}" for kind in KINDS if row[kind]]
    return " · ".join(parts) or tr_text("nothing wrong")


def _name(row: Mapping[str, Any]) -> Markdown:
    return plain(str(row["image"]).rpartition("/")[2])


def _choose(name: str) -> None:
    state.set_url(state.IMAGE, name)
    st.rerun()


def _go(name: str) -> None:
    state.set_url(state.IMAGE, name)


def _close() -> None:
    state.set_url(state.IMAGE, "")


def _full(look: Any, labels: Sequence[str], judged: Judged, order: Sequence[str]) -> None:
    name = state.url_text(state.IMAGE)
    rows = judged.images.filter(pl.col("image").cast(pl.String) == name)
    if not len(rows):
        st.info(tr("{name} is not an image of this test.", name=name))
        return
    left, right = st.columns([2, 1], gap="medium")
    with right:
        _neighbours(name, order)
        st.markdown(f"**{plain(name)}**")
        st.caption(plain(_summary(rows.row(0, named=True))))
        with st.container(horizontal=True):
            roles = {
                "target": st.checkbox(tr("labels ──"), value=True, key="mistakes.targets"),
                "prediction": st.checkbox(
                    tr("predictions ╌╌"), value=True, key="mistakes.predictions"
                ),
            }
        boxes = [box for box in boxes_of(judged, [name])[name] if roles[box["role"]]]
        chosen = _choose_box(boxes, labels, name) if boxes else None
    with left:
        picture = look(_SIDE_PX, name)
        if isinstance(picture, str):
            st.error(plain(tr_said_text(picture)), icon=":material/broken_image:")
            return
        draw = partial(_zoomed, times=_zoom()) if chosen is None else partial(_near, box=chosen)
        st.html(draw(picture, boxes, labels, described=name))


def _choose_box(
    boxes: Sequence[Mapping[str, Any]], labels: Sequence[str], name: str
) -> Mapping[str, Any] | None:
    """Show the boxes as a table; give the one that is chosen, to be seen close up."""
    two = st.column_config.NumberColumn(format="%.2f")
    event: Any = st.dataframe(
        _table(boxes, labels),
        hide_index=True,
        placeholder="",
        column_config={tr_text("confidence"): two, "IoU": two},
        on_select="rerun",
        selection_mode="single-row",
        key=rows_key("mistakes.boxes", [name, *(tuple(box.values()) for box in boxes)]),
    )
    st.caption(tr("Choose a box to see it close up."))
    return next((boxes[row] for row in event["selection"]["rows"]), None)


def _zoom() -> int:
    """Ask how large the picture is to be; more than once it scrolls."""
    zooms = {str(times): Markdown(f"{times}×") for times in (1, 2, 4)}
    return int(one_of(tr("Zoom"), zooms, "mistakes.zoom", has_label=False))


def _zoomed(
    picture: Picture,
    boxes: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    *,
    times: int,
    described: str,
) -> str:
    drawn = picture_html(picture, boxes, labels, width_px=_ROOM_PX * times, described=described)
    if times == 1:
        return drawn
    return f'<div class="mistakes-zoomed"><div style="width:{100 * times}%">{drawn}</div></div>'


def _near(
    picture: Picture,
    boxes: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    *,
    box: Mapping[str, Any],
    described: str,
) -> str:
    around = [box[corner] for corner in ("x1", "y1", "x2", "y2")]
    return close_up_html(
        picture, boxes, labels, around=around, width_px=_ROOM_PX, described=described
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


def _table(boxes: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> pd.DataFrame:
    roles = {"target": tr_text("label"), "prediction": tr_text("prediction")}
    return pd.DataFrame(
        {
            tr_text("box"): [roles[box["role"]] for box in boxes],
            tr_text("class"): [labels[box["class"]] for box in boxes],
            tr_text("confidence"): [box["conf"] for box in boxes],
            "IoU": [box["iou"] for box in boxes],
            tr_text("became"): [fate_of(box) for box in boxes],
        }
    )
