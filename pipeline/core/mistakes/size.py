"""AP50-95 of small, medium and large targets, as COCO measures it (pycocotools, `COCOeval`).

Within a class of an image, the 100 most confident predictions each claim the best free target of
the size, or where there is none the best free target of another size. What has claimed one of
another size is left out, and so is what has claimed none and is of another size itself. Areas are
those of boxes, in pixels of the original image; one of exactly 32² or 96² px is of both sizes.
"""

from __future__ import annotations

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
MOST: Final = 100  # predictions of an image and class that COCO looks at
_THRESHOLDS: Array = np.linspace(0.5, 0.95, 10)


@dataclass(frozen=True)
class OfSize:
    """How many targets a size has, and the mean over classes that have some, or None."""

    instances: int
    ap: float | None


def by_size(boxes: pl.DataFrame) -> dict[str, OfSize]:
    """Measure each of `SIZES`."""
    targets, place = rows_of(boxes, "target"), by_confidence(boxes)
    classes = boxes["class"].to_numpy()
    predictions = _most_confident(class_keys(boxes), rows_of(boxes, "prediction"), place)
    predictions = predictions[np.argsort(classes[predictions], kind="stable")]
    least = float(_THRESHOLDS[0])
    pairs = overlapping(boxes, class_keys(boxes), targets, predictions, least, is_exact=True)
    sides = corners(boxes).astype(np.float64)
    areas = (sides[:, 2] - sides[:, 0]) * (sides[:, 3] - sides[:, 1])
    found = {}
    for name, (low, high) in SIZES.items():
        is_other = (areas < low) | (areas > high)
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
