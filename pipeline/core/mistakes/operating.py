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
    first
        The first point that the test can judge: it kept no boxes of less.
    """

    precision: Array
    recall: Array
    f1: Array
    missed: Array
    alarms: Array
    first: int = 0


def curves_of(
    measured: Precision, seen: Hits, class_id: int | None = None, *, least: float = 0.0
) -> Curves:
    """Give the curves of a class that has targets, or of all.

    Parameters
    ----------
    least
        The smallest confidence at which the test can be judged.
    """
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
        first=int(np.searchsorted(CONFIDENCES, least)),
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
        return max(best_point(curves.f1), curves.first) if curves.f1.any() else None
    is_known = (curves.recall > 0) & (np.arange(len(CONFIDENCES)) >= curves.first)
    if wish == PRECISION:
        return _most(curves.recall, is_known & (curves.precision >= value))
    if wish == RECALL:
        return _most(curves.precision, is_known & (curves.recall >= value))
    if wish == COST:
        cost = value * curves.missed + curves.alarms
        return curves.first + int(cost[curves.first :].argmin())
    return max(int(np.abs(CONFIDENCES - value).argmin()), curves.first)


def _most(curve: Array, is_allowed: Array) -> int | None:
    """Give where a curve is largest among the points that are allowed."""
    if not is_allowed.any():
        return None
    return int(np.where(is_allowed, curve, -1.0).argmax())


def _as_confident(conf: Array) -> Array:
    """Count at each of `CONFIDENCES` how many are as confident or more."""
    counts: Array = len(conf) - np.searchsorted(np.sort(conf), CONFIDENCES, side="left")
    return counts
