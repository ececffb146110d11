"""Precision, recall, F1 and mAP of a table of boxes, as Ultralytics measures them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.core.mistakes.hits import Hits, hits
from pipeline.core.mistakes.pairs import Array, slices_of

# Confidences at which the curves have a point.
CONFIDENCES: Array = np.linspace(0, 1, 1000)
# Recalls at which precision is looked up.
RECALLS: Array = np.linspace(0, 1, 101)
_TINY = 1e-16


@dataclass(frozen=True)
class Precision:
    """What `ap_per_class` of Ultralytics 8.4.190 gives, for classes that have targets.

    Parameters
    ----------
    classes
        Their ids, ascending.
    ap
        A row a class, a column for each IoU from 0.5 to 0.95.
    precision, recall, f1
        A row a class, a column for each of `CONFIDENCES`.
    """

    classes: Array
    ap: Array
    precision: Array
    recall: Array
    f1: Array

    @property
    def best(self) -> int:
        """The point of the curves at which the mean F1, smoothed, is largest."""
        return best_point(self.f1.mean(0)) if len(self.classes) else 0

    def summary(self) -> dict[str, float]:
        """Give the means over classes by the names of the test step; 0 where no class is."""
        if not len(self.classes):
            return dict.fromkeys(("precision", "recall", "mAP50", "mAP50-95"), 0.0)
        return {
            "precision": float(self.precision[:, self.best].mean()),
            "recall": float(self.recall[:, self.best].mean()),
            "mAP50": float(self.ap[:, 0].mean()),
            "mAP50-95": float(self.ap.mean()),
        }


def precision_of(boxes: pl.DataFrame) -> Precision:
    """Measure a table of boxes."""
    return measured(hits(boxes))


def measured(seen: Hits) -> Precision:
    """Measure hits that were matched before, a class after the other."""
    order = by_class(seen)
    classes, positives = np.unique(seen.target_of, return_counts=True)
    ap = np.zeros((len(classes), seen.is_hit.shape[1]))
    precision, recall = (np.zeros((len(classes), len(CONFIDENCES))) for _ in range(2))
    for number, found in enumerate(slices_of(seen.of[order], classes)):
        rows = order[found]
        if not len(rows):
            continue
        hits_so_far = seen.is_hit[rows].cumsum(0)
        recalls = hits_so_far / (positives[number] + _TINY)
        precisions = hits_so_far / np.arange(1, len(rows) + 1)[:, None]
        conf = -seen.conf[rows]
        recall[number] = np.interp(-CONFIDENCES, conf, recalls[:, 0], left=0)
        precision[number] = np.interp(-CONFIDENCES, conf, precisions[:, 0], left=1)
        for column in range(ap.shape[1]):
            ap[number, column] = _area(recalls[:, column], precisions[:, column])
    f1 = 2 * precision * recall / (precision + recall + _TINY)
    return Precision(classes.astype(int), ap, precision, recall, f1)


def by_class(seen: Hits) -> Array:
    """Give the predictions a class after the other, in each the most confident first."""
    # The same call as theirs: it says which of equally confident predictions comes first.
    order = np.argsort(-seen.conf)
    by_class: Array = order[np.argsort(seen.of[order], kind="stable")]
    return by_class


def best_point(f1: Array) -> int:
    """Give where a curve of F1 is largest once it is smoothed over a tenth of its length."""
    width = round(len(f1) * 0.1 * 2) // 2 + 1
    ends = np.ones(width // 2)
    padded = np.concatenate((ends * f1[0], f1, ends * f1[-1]))
    return int(np.convolve(padded, np.ones(width) / width, mode="valid").argmax())


def _area(recall: Array, precision: Array) -> float:
    """Give the area under the envelope of a curve at 101 recalls (`compute_ap`)."""
    recalls = np.concatenate(([0.0], recall, [recall[-1], 1.0]))
    precisions = np.concatenate(([1.0], precision, [0.0, 0.0]))
    envelope = np.maximum.accumulate(precisions[::-1])[::-1]
    return float(np.trapezoid(np.interp(RECALLS, recalls, envelope), RECALLS))
