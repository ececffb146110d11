"""Writes what a test sees, a piece at a time: a test of 100,000 images needs no more memory."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import polars as pl
import pyarrow.parquet as pq

from pipeline.core.mistakes.kept import METADATA
from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.table import BOXES, CONF, FATES, IMAGES, IOU
from pipeline.core.volume.run_folder import RunFolder

# Rows that are judged and written together; also what a reader gets in one go.
_PIECE = 100_000
_GRAVEST = ("missed", "background", "wrong_class", "both", "badly_placed", "doubled", "right")
_FOUND = ("image", "role", "class", "conf", "x1", "y1", "x2", "y2")
_SEEN = ("image", "width", "height", "targets", "brightness", "sharpness")


class Tables:
    """Both tables of a test; as a context they appear as a whole at its end, or not at all.

    Parameters
    ----------
    folder
        The run folder.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.facts: dict[str, Any] = {}
        self._boxes = _File(folder.boxes, BOXES)
        self._images = _File(folder.tested_images, IMAGES)
        self._pending: list[tuple[pl.DataFrame, pl.DataFrame]] = []

    def add(self, images: pl.DataFrame, boxes: pl.DataFrame) -> None:
        """Take the images of a batch, each only once, and all of their boxes."""
        self._pending.append((images, boxes))
        if sum(len(images) + len(boxes) for images, boxes in self._pending) >= _PIECE:
            self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        files = (self._boxes, self._images)
        try:
            if kind is None:
                self._flush()
                for file in files:
                    file.finish(self.facts)
        finally:
            for file in files:
                file.discard()

    def _flush(self) -> None:
        if not self._pending:
            return
        images, boxes = (pl.concat(parts) for parts in zip(*self._pending, strict=True))
        self._pending = []
        found = judged(boxes.cast(_only(BOXES, _FOUND)), conf=CONF, iou=IOU)
        self._images.write(_scored(images.cast(_only(IMAGES, _SEEN)), found))
        partner = pl.col("partner").cast(pl.Int64) + self._boxes.rows
        self._boxes.write(found.with_columns(partner))


class _File:
    """A Parquet file that gets its name when it is complete; its folder exists."""

    def __init__(self, path: Path, schema: pl.Schema) -> None:
        self.rows = 0
        self._path, self._schema = path, schema
        # Always the same name: what a process that was killed left behind is written over.
        self._temporary = path.with_name(f".{path.name}.tmp")
        columns = pl.DataFrame(schema=schema).to_arrow().schema
        self._writer = pq.ParquetWriter(self._temporary, columns, compression="zstd")

    def write(self, rows: pl.DataFrame) -> None:
        table = rows.select(self._schema.names()).cast(dict(self._schema)).to_arrow()
        self._writer.write_table(table)
        self.rows += len(rows)

    def finish(self, facts: Mapping[str, Any]) -> None:
        self._writer.add_key_value_metadata({METADATA: json.dumps(facts)})
        self._writer.close()
        with open(self._temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(self._temporary, self._path)

    def discard(self) -> None:
        self._writer.close()
        self._temporary.unlink(missing_ok=True)


def _scored(images: pl.DataFrame, boxes: pl.DataFrame) -> pl.DataFrame:
    """Add each image's own precision, recall, F1 and gravest mistake.

    Where there is nothing to find and nothing was found, that is right; else a share of nothing
    is 0, as in Ultralytics' metrics of single images.
    """
    is_target, fate = pl.col("role") == "target", pl.col("fate")
    gravity = fate.cast(pl.String).replace_strict(_GRAVEST, range(len(_GRAVEST)))
    by_image = boxes.group_by("image").agg(
        right=(~is_target & (fate == "right")).sum(),
        predicted=(~is_target & fate.is_not_null()).sum(),
        worst=gravity.min(),
    )
    right, predicted, targets = (
        pl.col(name).fill_null(0).cast(pl.Int64) for name in ("right", "predicted", "targets")
    )
    is_empty = predicted + targets == 0
    worst = pl.col("worst").replace_strict(
        range(len(_GRAVEST)), [*_GRAVEST[:-1], None], default=None, return_dtype=pl.Enum(FATES)
    )
    return images.join(by_image, on="image", how="left", maintain_order="left").select(
        *_SEEN,
        precision=_share(right, predicted, is_empty),
        recall=_share(right, targets, is_empty),
        f1=_share(2 * right, predicted + targets, is_empty),
        worst=worst,
    )


def _share(part: pl.Expr, whole: pl.Expr, is_empty: pl.Expr) -> pl.Expr:
    return pl.when(is_empty).then(1).when(whole > 0).then(part / whole).otherwise(0)


def _only(schema: pl.Schema, names: tuple[str, ...]) -> dict[str, pl.DataType]:
    return {name: schema[name] for name in names}
