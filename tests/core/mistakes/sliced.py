"""Tests of many images in which each target is found or not, as is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.slices import Sliced
from pipeline.core.mistakes.sums import images
from pipeline.core.mistakes.table import IMAGES
from tests.core.mistakes.tables import SCHEMA

NAMES = ("circle", "square", "star")
SIDES = (20, 60, 98)  # a target of each of COCO's sizes
_CELL = 110
Lost = Callable[[pl.DataFrame], Any]


def made(seed: int, lost: Lost, count: int = 200, most: int = 9) -> tuple[pl.DataFrame, ...]:
    """Give boxes and images of a test.

    Parameters
    ----------
    lost
        Gives how likely each of many targets is missed: rows with ``class``, ``side``,
        ``brightness`` and ``folder``.
    """
    random = np.random.default_rng(seed)
    every = pl.DataFrame(
        {
            "number": range(count),
            "brightness": random.uniform(20, 230, count),
            "sharpness": random.uniform(10, 900, count),
            "folder": random.choice(["day", "night"], count),
        }
    ).with_columns(image=pl.format("{}/{}.jpg", "folder", "number"))
    number = np.repeat(np.arange(count), random.integers(0, most + 1, count))
    cell = np.concatenate([np.arange((number == own).sum()) for own in range(count)])
    targets = every[number].with_columns(
        pl.Series("class", random.integers(0, 3, len(number))),
        pl.Series("side", random.choice(SIDES, len(number))),
        pl.Series("x1", _CELL * (cell % 3)),
        pl.Series("y1", _CELL * (cell // 3)),
    )
    chance = targets.select(pl.lit(lost(targets)).alias("lost"))["lost"].to_numpy()
    is_found = random.random(len(number)) >= chance
    confs = pl.Series(random.uniform(0.3, 1, int(is_found.sum())))
    rows = pl.concat(
        [
            _rows(targets, "target", pl.lit(None)),
            _rows(targets.filter(is_found), "prediction", pl.lit(confs)),
        ]
    )
    return rows.sort("image", "role", maintain_order=True).cast(SCHEMA), _images(every)


def cut(boxes: pl.DataFrame, every: pl.DataFrame, names: tuple[str, ...] = NAMES) -> Sliced:
    """Judge a test, to be cut."""
    rows = judged(boxes)
    return Sliced(rows, images(rows, every), names)


def images_of(boxes: pl.DataFrame, *empty: str) -> pl.DataFrame:
    """Give the images of a table, and some without boxes, of which nothing is known."""
    return _images(
        pl.DataFrame(
            {"image": [*boxes["image"].cast(pl.String).unique(maintain_order=True), *empty]},
            schema={"image": pl.String},
        )
    )


def _rows(targets: pl.DataFrame, role: str, conf: pl.Expr) -> pl.DataFrame:
    corners = (pl.col("x1") + pl.col("side"), pl.col("y1") + pl.col("side"))
    return targets.select(
        "image",
        pl.lit(role).cast(SCHEMA["role"]).alias("role"),
        "class",
        conf.cast(pl.Float32).alias("conf"),
        "x1",
        "y1",
        corners[0].alias("x2"),
        corners[1].alias("y2"),
    )


def _images(every: pl.DataFrame) -> pl.DataFrame:
    known = every.with_columns(width=640, height=480)
    missing = [name for name in IMAGES.names() if name not in known.columns]
    rows = known.with_columns(pl.lit(None).alias(name) for name in missing)
    return rows.select(IMAGES.names()).cast(IMAGES)
