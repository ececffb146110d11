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
    claimed_at,
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


class Sized:
    """A test to be measured by the sizes of its boxes.

    Parameters
    ----------
    boxes
        Its table.
    """

    def __init__(self, boxes: pl.DataFrame) -> None:
        self._boxes, self._of = boxes, boxes["class"].to_numpy()
        self._place, self._areas = by_confidence(boxes), box_areas(boxes)
        self._targets, keys = rows_of(boxes, "target"), class_keys(boxes)
        seen = _most_confident(keys, rows_of(boxes, "prediction"), self._place)
        ordered = seen[np.argsort(self._place[seen])]
        self._predictions = ordered[np.argsort(self._of[ordered], kind="stable")]
        least = float(_THRESHOLDS[0])
        pairs = overlapping(boxes, keys, self._targets, seen, least, is_exact=True)
        # Of equals COCO takes the last.
        self._pairs = in_turn(pairs, self._place, (-pairs.target, -pairs.iou))
        self._group = np.unique(keys[self._pairs.target], return_inverse=True)[1]

    def by_size(self) -> dict[str, OfSize]:
        """Measure each of `SIZES`."""
        return self._measured(self._areas, SIZES)

    def by_share(self, images: pl.DataFrame) -> dict[str, OfSize]:
        """Measure each of `SHARES`."""
        rows = images.select("image", area=image_areas(images)).unique("image", keep="first")
        of = self._boxes.select("image").join(rows, on="image", how="left", maintain_order="left")
        return self._measured(self._areas / of["area"].fill_null(np.nan).to_numpy(), SHARES)

    def _measured(
        self, areas: Array, sizes: Mapping[str, tuple[float, float]]
    ) -> dict[str, OfSize]:
        found = {}
        for name, (low, high) in sizes.items():
            is_in = (areas >= low) & (areas <= high)  # what is not known is not
            wanted = self._of[self._targets[is_in[self._targets]]]
            predictions, is_hit, is_false = self._outcomes(is_in)
            of, counts = np.unique(wanted, return_counts=True)
            values = [
                average_precision(is_hit[own], is_false[own], int(count)).mean()
                for own, count in zip(slices_of(self._of[predictions], of), counts, strict=True)
            ]
            found[name] = OfSize(len(wanted), float(np.mean(values)) if values else None)
        return found

    def _outcomes(self, is_in: Array) -> tuple[Array, Array, Array]:
        """Give the predictions that are not left out, and what they are at each IoU.

        That is, whether each is a hit and whether it is a false alarm.
        """
        pairs = self._pairs_about(is_in)
        pair, column = claimed_at(pairs, self._place, _THRESHOLDS)
        counts = is_in.copy()
        counts[pairs.prediction[pair]] = True
        predictions = self._predictions[counts[self._predictions]]
        at = np.empty(len(is_in), dtype=np.int64)
        at[predictions] = np.arange(len(predictions))
        is_false = np.repeat(is_in[predictions, None], len(_THRESHOLDS), axis=1)
        is_hit = np.zeros_like(is_false)
        row = at[pairs.prediction[pair]]
        is_false[row, column] = False
        is_hit[row, column] = is_in[pairs.target[pair]]
        return predictions, is_hit, is_false

    def _pairs_about(self, is_in: Array) -> Pairs:
        """Give the pairs of images and classes that have a box of the size, in turn for it."""
        concerns = is_in[self._pairs.target] | is_in[self._pairs.prediction]
        chosen = np.bincount(self._group, concerns)[self._group] > 0
        pairs = self._pairs[chosen]
        turn = 2 * self._place[pairs.prediction] + ~is_in[pairs.target]
        return pairs[np.argsort(turn, kind="stable")]


def by_size(boxes: pl.DataFrame) -> dict[str, OfSize]:
    """Measure each of `SIZES`."""
    return Sized(boxes).by_size()


def by_share(boxes: pl.DataFrame, images: pl.DataFrame) -> dict[str, OfSize]:
    """Measure each of `SHARES`."""
    return Sized(boxes).by_share(images)


def box_areas(boxes: pl.DataFrame) -> Array:
    """Give the area of each box, in pixels."""
    sides = corners(boxes).astype(np.float64)
    areas: Array = (sides[:, 2] - sides[:, 0]) * (sides[:, 3] - sides[:, 1])
    return areas


def image_areas(images: pl.DataFrame) -> pl.Series:
    """Give the area of each image, in pixels; NaN where nobody knows it."""
    area = pl.col("width").cast(pl.Float64) * pl.col("height")
    return images.select(area=pl.when(area > 0).then(area).otherwise(np.nan))["area"]


def _most_confident(keys: Array, predictions: Array, place: Array) -> Array:
    """Leave out what comes behind the first predictions of a key."""
    of = keys[predictions]
    ordered = np.sort(of)
    crowds = np.unique(ordered[MOST:][ordered[MOST:] == ordered[:-MOST]])
    crowded = predictions[np.isin(of, crowds)]
    crowded = crowded[np.lexsort((place[crowded], keys[crowded]))]
    rank = np.arange(len(crowded)) - np.searchsorted(keys[crowded], keys[crowded], side="left")
    is_seen = np.ones(len(keys), dtype=bool)
    is_seen[crowded[rank >= MOST]] = False
    return predictions[is_seen[predictions]]
