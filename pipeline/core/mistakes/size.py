"""AP50-95 of targets by size, as COCO measures it (pycocotools, `COCOeval`).

Within a class of an image, the 100 most confident predictions each claim the best free target of
the size, or where there is none the best free target of another size. What has claimed one of
another size is left out, and so is what has claimed none and is of another size itself. Areas are
those of boxes: in pixels of the original image, or as shares of it. One of exactly 32² px is small
and medium, and so at every bound. Where nobody knows how large an image is, its boxes are of no
size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipeline.core.mistakes.area import average_precision
from pipeline.core.mistakes.pairs import (
    Array,
    Pairs,
    by_confidence,
    claimed,
    class_keys,
    corners,
    in_turn,
    overlapping,
    rows_of,
    slices_of,
)

SIZES: Final = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
# Of the image; a box may reach beyond it.
SHARES: Final = {
    "0-0.001": (0, 0.001),
    "0.001-0.01": (0.001, 0.01),
    "0.01-0.1": (0.01, 0.1),
    "0.1-1": (0.1, 1e10),
}
MOST: Final = 100  # predictions of an image and class that COCO looks at
_THRESHOLDS: Array = np.linspace(0.5, 0.95, 10)


@dataclass(frozen=True)
class OfSize:
    """How many targets a size has, and the mean over classes that have some, or None."""

    instances: int
    ap: float | None


def by_size(boxes: pl.DataFrame) -> dict[str, OfSize]:
    """Measure each of `SIZES`."""
    return _measured(boxes, box_areas(boxes), SIZES)


def by_share(boxes: pl.DataFrame, images: pl.DataFrame) -> dict[str, OfSize]:
    """Measure each of `SHARES`."""
    rows = images.select("image", area=image_areas(images)).unique("image", keep="first")
    of = boxes.select("image").join(rows, on="image", how="left", maintain_order="left")
    return _measured(boxes, box_areas(boxes) / of["area"].fill_null(np.nan).to_numpy(), SHARES)


def box_areas(boxes: pl.DataFrame) -> Array:
    """Give the area of each box, in pixels."""
    sides = corners(boxes).astype(np.float64)
    areas: Array = (sides[:, 2] - sides[:, 0]) * (sides[:, 3] - sides[:, 1])
    return areas


def image_areas(images: pl.DataFrame) -> pl.Series:
    """Give the area of each image, in pixels; NaN where nobody knows it."""
    area = pl.col("width").cast(pl.Float64) * pl.col("height")
    return images.select(area=pl.when(area > 0).then(area).otherwise(np.nan))["area"]


def _measured(
    boxes: pl.DataFrame, areas: Array, sizes: Mapping[str, tuple[float, float]]
) -> dict[str, OfSize]:
    targets, place = rows_of(boxes, "target"), by_confidence(boxes)
    classes = boxes["class"].to_numpy()
    predictions = _most_confident(class_keys(boxes), rows_of(boxes, "prediction"), place)
    predictions = predictions[np.argsort(classes[predictions], kind="stable")]
    least = float(_THRESHOLDS[0])
    pairs = overlapping(boxes, class_keys(boxes), targets, predictions, least, is_exact=True)
    found = {}
    for name, (low, high) in sizes.items():
        is_other = ~((areas >= low) & (areas <= high))  # so is what is not known
        wanted = classes[targets[~is_other[targets]]]
        is_hit, is_false = _outcomes(pairs, predictions, place, is_other)
        of, counts = np.unique(wanted, return_counts=True)
        rows = slices_of(classes[predictions], of)
        values = [
            average_precision(is_hit[own], is_false[own], int(count)).mean()
            for own, count in zip(rows, counts, strict=True)
        ]
        found[name] = OfSize(len(wanted), float(np.mean(values)) if values else None)
    return found


def _outcomes(
    pairs: Pairs, predictions: Array, place: Array, is_other: Array
) -> tuple[Array, Array]:
    """Say of each prediction, at each IoU, whether it is a hit and whether it is a false alarm."""
    is_hit = np.zeros((len(place), len(_THRESHOLDS)), dtype=bool)
    is_false = np.repeat(~is_other[:, None], len(_THRESHOLDS), axis=1)
    # Of equals COCO takes the last.
    pairs = in_turn(pairs, place, (-pairs.target, -pairs.iou, is_other[pairs.target]))
    for column, threshold in enumerate(_THRESHOLDS):
        got = claimed(pairs[pairs.iou >= threshold], place)
        is_hit[got.prediction, column] = ~is_other[got.target]
        is_false[got.prediction, column] = False
    return is_hit[predictions], is_false[predictions]


def _most_confident(keys: Array, predictions: Array, place: Array) -> Array:
    """Give the first predictions of each key, all of them in the order of their turns."""
    ordered = predictions[np.lexsort((place[predictions], keys[predictions]))]
    of = keys[ordered]
    rank = np.arange(len(ordered)) - np.searchsorted(of, of, side="left")
    kept = ordered[rank < MOST]
    return kept[np.argsort(place[kept])]
