"""What a metric's history comes down to: best, its epoch, and last."""

from __future__ import annotations

import math
from typing import Any

from pipeline.tracking.schema import TEST_PREFIX

History = dict[str, list[tuple[int, float]]]
Summary = dict[str, dict[str, Any]]

_NOT_SHOWN = ("lr/", TEST_PREFIX)


def summary(history: History) -> Summary:
    """Give best, best_epoch and last of every metric that can be better or worse.

    Where nothing was detected, which is 0 in every epoch, none of them is the best.
    """
    return {
        name: _best(name, points)
        for name, points in history.items()
        if points and not name.startswith(_NOT_SHOWN)
    }


def lower_is_better(metric: str) -> bool:
    """Say whether less of a metric is better: losses."""
    return "loss" in metric


def _best(name: str, points: list[tuple[int, float]]) -> dict[str, Any]:
    sign = -1 if lower_is_better(name) else 1
    numbers = [(epoch, value) for epoch, value in points if math.isfinite(value)]
    last = points[-1][1] if math.isfinite(points[-1][1]) else None
    if not numbers:
        return {"best": None, "best_epoch": None, "last": last}
    epoch, value = max(numbers, key=lambda point: (sign * point[1], -point[0]))
    is_blank = value == 0 and not lower_is_better(name)
    return {"best": value, "best_epoch": None if is_blank else epoch, "last": last}
