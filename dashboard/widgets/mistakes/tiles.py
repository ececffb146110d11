"""Images of a test as tiles: which boxes count on them, and what is wrong there."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl

from dashboard.i18n import tr, tr_said_text, tr_text
from dashboard.widgets.mistakes.overlay import picture_html
from dashboard.widgets.mistakes.words import FATES, KINDS
from pipeline.actions.mistakes import Judged
from pipeline.core.dataset.thumbnails import Picture

TILE_PX, _ROOM_PX = 320, 210


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
        width_px=_ROOM_PX,
        described=str(row["image"]),
    )
    return tile_html(picture, draw, summary(row))


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


def summary(row: Mapping[str, Any]) -> str:
    """Say what is wrong with an image, of which this is the row, as text."""
    parts = [f"{row[kind]} {tr_text(FATES[kind])}" for kind in KINDS if row[kind]]
    return " · ".join(parts) or tr_text("nothing wrong")
