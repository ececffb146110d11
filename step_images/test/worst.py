"""One picture of the images that a test got most wrong, for KFP's page."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import polars as pl
from PIL import Image, ImageDraw, ImageFont, ImageOps

from pipeline.core.class_names import unique_labels
from pipeline.core.dataset.thumbnails import make_picture
from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_json, write_atomic
from pipeline.core.mistakes.sums import MISTAKES, images
from pipeline.core.mistakes.table import images_base
from pipeline.core.printable import in_one_cell
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.yamltext.file import load_yaml
from step_images.fonts import font_file
from step_images.test.boxes import Box, draw_boxes

_COLUMNS, _ROWS = 4, 3
_TILE_PX, _TEXT_PX = 320, 36
_LETTER_PX, _NAME_PX = 13, 11
_MOST_BYTES: Final = 400_000
_QUALITIES: Final = (85, 70, 55, 40, 25, 10)
_PAPER, _INK, _GREY = "#202020", "#F0F0F0", "#808080"


def draw_worst(volume: Volume, folder: RunFolder, data: Path, split: str) -> Path | None:
    """Write ``worst.jpg`` from the tables of a test.

    Parameters
    ----------
    volume
        What of it may be opened.
    folder
        The run folder.
    data, split
        The data yaml with absolute paths, and its split that was measured.

    Returns
    -------
    path
        The picture; None where the test kept no tables, or got nothing wrong.
    """
    path = folder.step("test") / "worst.jpg"
    path.unlink(missing_ok=True)
    if not folder.boxes.is_file():
        return None
    boxes = pl.read_parquet(folder.boxes)
    ranked = images(boxes, pl.read_parquet(folder.tested_images))
    worst = ranked.filter(pl.sum_horizontal(MISTAKES) > 0).head(_COLUMNS * _ROWS)
    if not len(worst):
        return None
    given = load_yaml(data).data[split]
    places = given if isinstance(given, list) else [given]
    base = images_base([Path(place) for place in places])
    counts = (pl.col("role") == "target") | pl.col("fate").is_not_null()
    shown = boxes.filter(pl.col("image").is_in(worst["image"].cast(pl.String).to_list()) & counts)
    names = _class_names(folder)
    tiles = [
        _tile(volume, base, row, shown.filter(image=row["image"]).to_dicts(), names)
        for row in worst.iter_rows(named=True)
    ]
    write_atomic(path, _jpeg(_sheet(tiles)))
    return path


def _class_names(folder: RunFolder) -> Sequence[str]:
    labels = read_json(folder.step("test") / "confusion_matrix.json", {}).get("labels", [])
    return unique_labels(labels[:-1])


def _tile(
    volume: Volume,
    base: Path,
    row: Mapping[str, Any],
    boxes: Sequence[Box],
    names: Sequence[str],
) -> Image.Image:
    """Draw an image with its boxes; grey where it cannot be read."""
    tile = Image.new("RGB", (_TILE_PX, _TILE_PX + _TEXT_PX), _PAPER)
    try:
        picture = make_picture(volume, os.path.normpath(base / row["image"]), _TILE_PX)
        small = ImageOps.contain(Image.open(io.BytesIO(picture.jpeg)), (_TILE_PX, _TILE_PX))
        draw_boxes(small, (picture.width, picture.height), boxes, names, _font(_NAME_PX))
    except SlipwayError:
        small = Image.new("RGB", (_TILE_PX, _TILE_PX * 3 // 4), _GREY)
        ImageDraw.Draw(small).text((8, 8), "cannot be shown", _INK, _font(_LETTER_PX))
    tile.paste(small, ((_TILE_PX - small.width) // 2, (_TILE_PX - small.height) // 2))
    kinds = [f"{row[kind]} {kind.replace('_', ' ')}" for kind in MISTAKES if row[kind]]
    lines = (in_one_cell(row["image"].rpartition("/")[2]), ", ".join(kinds))
    _write(ImageDraw.Draw(tile), (4, _TILE_PX + 2), "\n".join(lines))
    return tile


def _sheet(tiles: Sequence[Image.Image]) -> Image.Image:
    width, height = tiles[0].size
    columns = min(len(tiles), _COLUMNS)
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height + _TEXT_PX), _PAPER)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        sheet.paste(tile, (column * width, row * height))
    _write(ImageDraw.Draw(sheet), (4, rows * height + 8), "solid: label    dashed: prediction")
    return sheet


def _write(drawn: ImageDraw.ImageDraw, place: tuple[int, int], text: str) -> None:
    drawn.text(place, text, _INK, _font(_LETTER_PX))


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_file(), size_px)


def _jpeg(sheet: Image.Image) -> bytes:
    """Give the best of some qualities that is not too large for a page."""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        sheet.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= _MOST_BYTES:
            break
    return buffer.getvalue()
