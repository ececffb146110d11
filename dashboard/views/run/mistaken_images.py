"""The images of a test with labels and predictions: a grid to leaf through."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import polars as pl
import streamlit as st

from dashboard import services, state
from dashboard.i18n import tr
from dashboard.plain import Markdown, joined, plain
from dashboard.views.run.full_image import open_image, show_chosen
from dashboard.widgets.formats import plural
from dashboard.widgets.mistakes.tiles import TILE_PX, boxes_of, tile
from dashboard.widgets.paging import first_page, page_at
from pipeline.actions.mistakes import Judged, image_folder
from pipeline.core.dataset.thumbnails import Picture
from pipeline.core.errors import SlipwayError
from pipeline.core.mistakes.stored import Stored
from pipeline.core.volume.run_folder import RunFolder

PAGE_IMAGES = 12
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
                short = plain(names[number].rpartition("/")[2])
                if st.button(short, key=f"mistakes.open.{number}", type="tertiary"):
                    open_image(names[number])
    if pages > 1:
        st.pagination(pages, key=state.PAGE, bind="query-params")
    order = images["image"].cast(pl.String).to_list()
    show_chosen(look, stored.names, {folder.name: judged}, order)


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
