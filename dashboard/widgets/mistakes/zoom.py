"""A picture that the mouse wheel makes larger, and that is dragged to see another part of it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dashboard.widgets.mistakes.overlay import Box, picture_html
from pipeline.core.dataset.thumbnails import Picture

_ROOM_PX, _HEIGHT_VH = 760, 72


def show_zoomable(
    picture: Picture, boxes: Sequence[Box], names: Sequence[str], *, times: int, described: str
) -> None:
    """Show a picture with its boxes; where it is larger than its place, a part of it is seen.

    Parameters
    ----------
    boxes, names, described
        As for `picture_html`.
    times
        How large it is at first; at once it is seen as a whole.
    """
    width = f"min({100 * times}%, {_HEIGHT_VH * times * picture.width / picture.height:.2f}vh)"
    drawn = picture_html(picture, boxes, names, width_px=_ROOM_PX, described=described)
    st.html(
        f'<div class="mistakes-zoomed"><div data-times="{times}" style="width:{width}">'
        f"{drawn}</div></div>"
    )


def follow_wheel() -> None:
    """Let the mouse zoom and move all such pictures of the page; without it they scroll."""
    # Made in each run: what is made once is not known to the runtime after a restart of it.
    component = st.components.v2.component("mistakes_zoom", js=_script(), isolate_styles=False)
    component(key="mistakes.wheel")


@functools.cache
def _script() -> str:
    return Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
