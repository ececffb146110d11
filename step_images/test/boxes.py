"""Targets and predictions drawn into a small picture, with their classes where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont

from pipeline.core.printable import in_one_cell

Box = Mapping[str, Any]
_Place = tuple[float, float, float, float]
# Lines differ in colour and in style: solid labels, dashed predictions, both with a dark edge.
_LABEL, _PREDICTION, _EDGE = "#FFFFFF", "#E69F00", "#000000"
_DASH_PX, _GAP_PX = 7, 5
_LETTERS: Final = 14
_APART_PX: Final = 3


def draw_boxes(
    small: Image.Image,
    size: tuple[int, int],
    boxes: Sequence[Box],
    names: Sequence[str],
    font: ImageFont.FreeTypeFont,
) -> None:
    """Draw boxes over a picture, and the names of their classes, those of large boxes first.

    Parameters
    ----------
    small, size
        The picture, and the size of the image whose pixels the boxes are in.
    boxes
        Rows of `pipeline.core.mistakes.table.BOXES`.
    names
        Of the classes, by id.
    """
    drawn = ImageDraw.Draw(small)
    scale = small.width / size[0], small.height / size[1]
    ordered = sorted(boxes, key=lambda box: str(box["role"]), reverse=True)  # targets first
    placed = [(box, _place(box, scale, small.size)) for box in ordered]
    for box, place in placed:
        _draw_lines(drawn, place, is_label=box["role"] == "target")
    taken: list[_Place] = []
    for box, place in sorted(placed, key=lambda own: -_area(own[1])):
        if box["class"] >= len(names):
            continue
        name, is_label = _shortened(names[box["class"]]), box["role"] == "target"
        ends = drawn.textbbox((0, 0), name, font)
        for own in _places_of_name(place, ends[2] + 2, ends[3] + 2, is_label=is_label):
            if _is_within(own, small.size) and not any(_overlap(own, other) for other in taken):
                drawn.rectangle(own, _EDGE)
                drawn.text((own[0] + 1, own[1]), name, _LABEL if is_label else _PREDICTION, font)
                taken.append(own)
                break


def _places_of_name(
    place: _Place, width: float, height: float, *, is_label: bool
) -> Iterator[_Place]:
    """Give where a name may be: above a label, below a prediction, or inside where it has room."""
    left, top, right, bottom = place
    y = top - _APART_PX - height if is_label else bottom + _APART_PX
    yield left, y, left + width, y + height
    if width < right - left - 2 * _APART_PX and height < bottom - top - 2 * _APART_PX:
        x, y = left + _APART_PX, top + _APART_PX if is_label else bottom - _APART_PX - height
        yield x, y, x + width, y + height


def _draw_lines(drawn: ImageDraw.ImageDraw, place: _Place, *, is_label: bool) -> None:
    left, top, right, bottom = place
    colour = _LABEL if is_label else _PREDICTION
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    for start, end in pairwise(corners):
        for line in [(start, end)] if is_label else _dashes(start, end):
            drawn.line(line, _EDGE, width=4)
            drawn.line(line, colour, width=2)


def _dashes(
    start: tuple[float, float], end: tuple[float, float]
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    length = abs(end[0] - start[0]) + abs(end[1] - start[1])  # lines are level or upright
    found = []
    at = 0.0
    while at < length:
        places = (at / length, min(at + _DASH_PX, length) / length)
        one, other = (
            (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
            for share in places
        )
        found.append((one, other))
        at += _DASH_PX + _GAP_PX
    return found


def _place(box: Box, scale: tuple[float, float], size: tuple[int, int]) -> _Place:
    sides = zip((box["x1"], box["y1"], box["x2"], box["y2"]), scale * 2, size * 2, strict=True)
    left, top, right, bottom = (min(max(at * by, 0), most - 1) for at, by, most in sides)
    return left, top, right, bottom


def _is_within(place: _Place, size: tuple[int, int]) -> bool:
    left, top, right, bottom = place
    return left >= 0 and top >= 0 and right < size[0] and bottom < size[1]


def _overlap(one: _Place, other: _Place) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _area(place: _Place) -> float:
    return (place[2] - place[0]) * (place[3] - place[1])


def _shortened(name: str) -> str:
    text = in_one_cell(name)
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
