"""Targets and predictions over a picture: solid and dashed lines, told apart without colours."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.i18n import tr_text
from dashboard.widgets.dataset.boxes import class_colour
from dashboard.widgets.mistakes.words import fate_of
from pipeline.core.dataset.thumbnails import Picture

Box = Mapping[str, Any]
_EDGE_PX = 2
_DASH = "6 4"
# A close-up shows so many times the box, and at least so much.
_ROOM, _LEAST_PX = 2.5, 48
_ASPECT = 4 / 3


def picture_html(
    picture: Picture, boxes: Sequence[Box], names: Sequence[str], *, width_px: int, described: str
) -> str:
    """Give a picture with its boxes as HTML that takes the picture's shape.

    Parameters
    ----------
    boxes
        Rows of `pipeline.core.mistakes.table.BOXES`; what each is stands on hovering over it.
    names
        Of the classes, by id.
    width_px
        About how wide the place on the screen is; lines are drawn to fit it.
    described
        What a screen reader says.
    """
    height_px = width_px * picture.height / picture.width
    drawn = sorted(boxes, key=lambda box: -_area(box))
    lines = "".join(_lines(box, picture, width_px, height_px) for box in drawn)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width_px}" height="{height_px:.2f}" '
        f'viewBox="0 0 {width_px} {height_px:.2f}">{lines}</svg>'
    )
    hovers = "".join(_hover(box, picture, names) for box in drawn)
    return (
        f'<div class="mistakes-picture" style="aspect-ratio:{picture.width}/{picture.height}">'
        f'<img src="{_uri("image/jpeg", picture.jpeg)}" alt="{html.escape(described)}">'
        f'<img src="{_uri("image/svg+xml", svg.encode())}" alt="">{hovers}</div>'
    )


def close_up_html(
    picture: Picture,
    boxes: Sequence[Box],
    names: Sequence[str],
    *,
    around: Sequence[float],
    width_px: int,
    described: str,
) -> str:
    """Give the part of a picture around a box, with some of what lies about it.

    Parameters
    ----------
    around
        x1, y1, x2, y2 in pixels of the image.
    boxes, names, width_px, described
        As for `picture_html`.
    """
    left, top, width, height = _part(picture, around)
    whole = picture_html(
        picture,
        boxes,
        names,
        width_px=round(width_px * picture.width / width),
        described=described,
    )
    place = (
        f"width:{100 * picture.width / width:.3f}%;left:{-100 * left / width:.3f}%;"
        f"top:{-100 * top / height:.3f}%"
    )
    return (
        f'<div class="mistakes-close-up" style="aspect-ratio:{width:.2f}/{height:.2f}">'
        f'<div style="{place}">{whole}</div></div>'
    )


def _part(picture: Picture, around: Sequence[float]) -> tuple[float, float, float, float]:
    """Give left, top, width and height of what is shown around a box, at most 4 : 3."""
    x1, y1, x2, y2 = around
    height = max((y2 - y1) * _ROOM, (x2 - x1) * _ROOM / _ASPECT, _LEAST_PX)
    width, height = min(height * _ASPECT, picture.width), min(height, picture.height)
    left = min(max((x1 + x2 - width) / 2, 0), picture.width - width)
    top = min(max((y1 + y2 - height) / 2, 0), picture.height - height)
    return left, top, width, height


def told(box: Box, names: Sequence[str]) -> str:
    """Say what a box is: its class, its confidence, its IoU, and what became of it."""
    role = tr_text("label") if box["role"] == "target" else tr_text("prediction")
    parts = [role, names[box["class"]]]
    if box["conf"] is not None:
        parts.append(f"{box['conf']:.2f}")
    if box["iou"] is not None:
        parts.append(f"IoU {box['iou']:.2f}")
    if box["fate"]:
        parts.append(fate_of(box))
    return " · ".join(parts)


def _lines(box: Box, picture: Picture, width_px: float, height_px: float) -> str:
    x, y, right, bottom = _corners(box, picture)
    x, right, y, bottom = x * width_px, right * width_px, y * height_px, bottom * height_px
    place = f'x="{x:.1f}" y="{y:.1f}" width="{right - x:.1f}" height="{bottom - y:.1f}"'
    dash = f' stroke-dasharray="{_DASH}"' if box["role"] == "prediction" else ""
    line = 'fill="none" vector-effect="non-scaling-stroke"'  # as wide, however near one looks
    colour = class_colour(box["class"])
    return (
        f'<rect {place} {line} stroke="#000" stroke-opacity="0.5" stroke-width="{_EDGE_PX + 2}"'
        f"{dash}/>"
        f'<rect {place} {line} stroke="{colour}" stroke-width="{_EDGE_PX}"{dash}/>'
    )


def _hover(box: Box, picture: Picture, names: Sequence[str]) -> str:
    x, y, right, bottom = (100 * side for side in _corners(box, picture))
    place = f"left:{x:.2f}%;top:{y:.2f}%;width:{right - x:.2f}%;height:{bottom - y:.2f}%"
    return f'<div title="{html.escape(told(box, names))}" style="{place}"></div>'


def _corners(box: Box, picture: Picture) -> tuple[float, float, float, float]:
    """Give left, top, right and bottom as shares of the picture, cut off at its edges."""
    sides = (picture.width, picture.height) * 2
    corners = zip((box["x1"], box["y1"], box["x2"], box["y2"]), sides, strict=True)
    left, top, right, bottom = (min(max(at / side, 0.0), 1.0) for at, side in corners)
    return left, top, right, bottom


def _area(box: Box) -> float:
    return float((box["x2"] - box["x1"]) * (box["y2"] - box["y1"]))


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
