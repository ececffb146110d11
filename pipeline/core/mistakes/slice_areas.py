"""mAP50 of slices: Ultralytics' over the classes that a slice has targets of.

Predictions and targets are matched once, within classes, over the whole test. A prediction then
counts in the slice that `dimensions` says, with the target that it hit as the one that it met.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from pipeline.core.mistakes.dimensions import dimension, image_numbers
from pipeline.core.mistakes.hits import THRESHOLDS, Hits
from pipeline.core.mistakes.pairs import (
    by_confidence,
    class_keys,
    confidences,
    greedy,
    overlapping,
    rows_of,
    slices_of,
)
from pipeline.core.mistakes.precision import measured

_NONE = -1


class Areas:
    """Measures slices of a test; all predictions count.

    Parameters
    ----------
    boxes, images
        Its tables; ``targets`` of images are counted.
    labels
        Names of the classes by id.
    """

    def __init__(self, boxes: pl.DataFrame, images: pl.DataFrame, labels: Sequence[str]) -> None:
        self._boxes, self._images, self._labels = boxes, images, labels
        self._number = image_numbers(boxes, images)
        targets, predictions = (rows_of(boxes, role) for role in ("target", "prediction"))
        pairs = overlapping(boxes, class_keys(boxes), targets, predictions, THRESHOLDS[0])
        hit = greedy(pairs, by_confidence(boxes))
        self._met = np.full(len(boxes), _NONE, dtype=np.int32)
        self._met[hit.prediction] = hit.target
        self._targets, self._predictions = targets, predictions

    def by(self, name: str) -> list[float | None]:
        """Give mAP50 of each slice of a dimension; None of those without targets."""
        cut = dimension(name, self._boxes, self._images, self._number, self._labels)
        code = np.where(self._number >= 0, cut.codes(self._met), _NONE)
        every = np.arange(len(cut.labels))
        targets, predictions = (
            rows[np.argsort(code[rows], kind="stable")]
            for rows in (self._targets, self._predictions)
        )
        of = self._boxes["class"].to_numpy()
        conf = confidences(self._boxes)
        found: list[float | None] = []
        for wanted, seen in zip(
            slices_of(code[targets], every), slices_of(code[predictions], every), strict=True
        ):
            rows = predictions[seen]
            is_hit = self._met[rows, None] >= 0
            ap = measured(Hits(rows, conf[rows], of[rows], is_hit, of[targets[wanted]])).ap
            found.append(float(ap.mean()) if len(ap) else None)
        return found
