"""Boxes over a picture: drawn by the browser, so that they are sharp at every size."""

from __future__ import annotations

import base64
import html
from collections.abc import Collection, Mapping, Sequence

from pipeline.core.dataset.labels.of_image import LabelLine
from pipeline.core.dataset.thumbnails import Picture

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/), without black, plus white: colours
# that colour-blind people tell apart, on pictures of any shade thanks to a dark edge.
_PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#FFFFFF")
_DARK = frozenset(("#0072B2", "#009E73", "#D55E00"))
_FONT_PX = 11
_NAMED = 40


def class_colour(class_id: int | None) -> str:
    """Give a class its colour, the same on every page; from the ninth on they repeat."""
    return "#B0B0B0" if class_id is None else _PALETTE[class_id % len(_PALETTE)]


def class_name(class_id: int | None, names: Mapping[int, str]) -> str:
    """Give a class its name; a question mark says that there is no such class."""
    return "?" if class_id is None else names.get(class_id, f"{class_id} ?")


def picture_html(
    picture: Picture,
    lines: Sequence[LabelLine],
    names: Mapping[int, str],
    *,
    room_px: tuple[int, int],
    marked: Collection[int] = (),
    most_names: int = _NAMED,
    described: str = "",
) -> str:
    """Give a picture with its boxes as HTML: two images of the same shape, one over the other.

    Parameters
    ----------
    room_px
        About how wide and high the place on the screen is; lines and names are drawn to fit it.
    marked
        Line numbers that stand out; all do when there are none.
    most_names
        Of how many boxes the class is written, largest first.
    described
        What a screen reader says.
    """
    overlay = box_overlay(
        lines,
        names,
        picture.width,
        picture.height,
        room_px=room_px,
        marked=marked,
        most_names=most_names,
    )
    place = "width:100%;height:100%;object-fit:contain;display:block"
    under = _data_uri("image/jpeg", picture.jpeg)
    over = _data_uri("image/svg+xml", overlay.encode())
    return (
        f'<div style="position:relative;width:100%;height:100%">'
        f'<img src="{under}" alt="{html.escape(described)}" style="{place}">'
        f'<img src="{over}" alt="" style="{place};position:absolute;inset:0"></div>'
    )


def box_overlay(
    lines: Sequence[LabelLine],
    names: Mapping[int, str],
    width: int,
    height: int,
    *,
    room_px: tuple[int, int],
    marked: Collection[int] = (),
    most_names: int = _NAMED,
) -> str:
    """Give boxes, polygons and points as an SVG document of the image's shape."""
    scale = min(room_px[0] / width, room_px[1] / height)
    across, down = width * scale, height * scale
    drawn = [line for line in lines if line.box]
    drawn.sort(key=lambda line: (line.number in marked, -_area(line)))
    named = {line.number for line in drawn[:most_names]} | set(marked)
    shapes = "".join(
        _shape(
            line,
            across,
            down,
            class_name(line.class_id, names),
            is_named=line.number in named,
            is_quiet=bool(marked) and line.number not in marked,
        )
        for line in drawn
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{across:.2f}" height="{down:.2f}" '
        f'viewBox="0 0 {across:.2f} {down:.2f}" font-family="sans-serif" '
        f'font-size="{_FONT_PX}" font-weight="600">{shapes}</svg>'
    )


def _shape(
    line: LabelLine, across: float, down: float, name: str, *, is_named: bool, is_quiet: bool
) -> str:
    assert line.box
    left, top, width, height = line.box
    x, y, w, h = left * across, top * down, max(width * across, 0), max(height * down, 0)
    colour = class_colour(line.class_id)
    parts = [
        f'<rect x="{x:.2f}" y="{y:.2f}" width="{w:.2f}" height="{h:.2f}" {style}/>'
        for style in _strokes(colour, is_dashed=bool(line.mistake), width=1 if line.polygon else 2)
    ]
    if line.polygon:
        points = " ".join(f"{px * across:.2f},{py * down:.2f}" for px, py in line.polygon)
        fill = f'fill="{colour}" fill-opacity="0.25" stroke="{colour}" stroke-width="2"'
        parts.append(f'<polygon points="{points}" {fill}/>')
    parts += [
        f'<circle cx="{px * across:.2f}" cy="{py * down:.2f}" r="3" fill="{colour}" '
        f'stroke="#000" stroke-opacity="0.6"/>'
        for px, py in line.keypoints
    ]
    if is_named and name:
        parts.append(_tag(x, y, name, colour, across))
    return f'<g opacity="{0.25 if is_quiet else 1}">{"".join(parts)}</g>'


def _strokes(colour: str, *, is_dashed: bool, width: int) -> tuple[str, str]:
    dash = ' stroke-dasharray="5 3"' if is_dashed else ""
    edge = f'fill="none" stroke="#000" stroke-opacity="0.45" stroke-width="{width + 2}"'
    return edge, f'fill="none" stroke="{colour}" stroke-width="{width}"{dash}'


def _tag(x: float, y: float, name: str, colour: str, across: float) -> str:
    text = name if len(name) <= 20 else name[:19] + "…"
    wide = sum(_FONT_PX if ord(letter) > 0x2E7F else _FONT_PX * 0.62 for letter in text) + 6
    left, top = max(min(x - 1, across - wide), 0), max(y - _FONT_PX - 4, 0)
    ink = "#FFFFFF" if colour in _DARK else "#111111"
    return (
        f'<rect x="{left:.2f}" y="{top:.2f}" width="{wide:.2f}" height="{_FONT_PX + 4}" '
        f'fill="{colour}"/><text x="{left + 3:.2f}" y="{top + _FONT_PX:.2f}" '
        f'fill="{ink}">{html.escape(text)}</text>'
    )


def _area(line: LabelLine) -> float:
    return line.box[2] * line.box[3] if line.box else 0.0


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
