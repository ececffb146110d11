"""From which confidence on to use a model, by what is wished of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.core.mistakes.hits import Hits
from pipeline.core.mistakes.pairs import Array
from pipeline.core.mistakes.precision import CONFIDENCES, Precision, best_point

BEST_F1, PRECISION, RECALL, COST, CHOSEN = WISHES = (
    "f1",
    "precision",
    "recall",
    "cost",
    "chosen",
)
_IOU_50: Final = 0  # column of the hits


@dataclass(frozen=True)
class Curves:
    """What each of `CONFIDENCES` gives, for one class or over all.

    Parameters
    ----------
    precision, recall, f1
        As Ultralytics has them; over all they are means over classes.
    missed, alarms
        How many targets are not found, and how many predictions hit none, at an IoU of 0.5. Over
        all they are sums, of classes without targets too.
    """

    precision: Array
    recall: Array
    f1: Array
    missed: Array
    alarms: Array


def curves_of(measured: Precision, seen: Hits, class_id: int | None = None) -> Curves:
    """Give the curves of a class that has targets, or of all."""
    of, target_of = np.ones(len(seen.of), bool), np.ones(len(seen.target_of), bool)
    if class_id is not None:
        of, target_of = seen.of == class_id, seen.target_of == class_id
    rows = slice(None) if class_id is None else measured.classes == class_id
    is_hit = seen.is_hit[:, _IOU_50]
    return Curves(
        precision=measured.precision[rows].mean(0),
        recall=measured.recall[rows].mean(0),
        f1=measured.f1[rows].mean(0),
        missed=target_of.sum() - _as_confident(seen.conf[of & is_hit]),
        alarms=_as_confident(seen.conf[of & ~is_hit]),
    )


def point_of(curves: Curves, wish: str, value: float = 0.0) -> int | None:
    """Give the point of the curves that fulfils a wish best; None where none does.

    Parameters
    ----------
    wish
        ``f1``: the largest, smoothed as Ultralytics does. ``precision`` or ``recall``: at least
        ``value``, and of the other as much as that leaves. ``cost``: the cheapest, where a miss
        costs as much as ``value`` false alarms. ``chosen``: the confidence ``value`` itself.
    """
    if wish == BEST_F1:
        return best_point(curves.f1)
    if wish == PRECISION:
        return _most(curves.recall, (curves.precision >= value) & (curves.recall > 0))
    if wish == RECALL:
        return _most(curves.precision, (curves.recall >= value) & (curves.recall > 0))
    if wish == COST:
        return int((value * curves.missed + curves.alarms).argmin())
    return int(np.abs(CONFIDENCES - value).argmin())


def _most(curve: Array, is_allowed: Array) -> int | None:
    """Give where a curve is largest among the points that are allowed."""
    if not is_allowed.any():
        return None
    return int(np.where(is_allowed, curve, -1.0).argmax())


def _as_confident(conf: Array) -> Array:
    """Count at each of `CONFIDENCES` how many are as confident or more."""
    counts: Array = len(conf) - np.searchsorted(np.sort(conf), CONFIDENCES, side="left")
    return counts
