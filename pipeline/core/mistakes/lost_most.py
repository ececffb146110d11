"""What most of the missed targets have in common and others have not: a class, a size, or both.

Of the class that is missed most often, of the targets smaller than a bound, and of both together,
that is told which holds more than half of all that is missed and whose share of the missed is
largest against its share of all targets. It must be half as large again as that, and the targets
that it holds must be found less often than the rest by more than chance. Otherwise nothing is told:
what is missed is then spread as the targets are. The bound is where the sizes of missed and other
targets differ most (the place of the Kolmogorov-Smirnov statistic).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.core.mistakes.pairs import Array
from pipeline.core.mistakes.resampling import SURE
from pipeline.core.mistakes.slices import Sliced

_LEAST_MISSED: Final = 20
_MOST: Final = 0.5
_OVER: Final = 1.5


@dataclass(frozen=True)
class LostMost:
    """A description of most of what is missed.

    Parameters
    ----------
    class_id
        Its class, or None for all of them.
    below_px
        What the side is smaller than, of a square as large as the box, in pixels of the original
        image; None for all sizes.
    share_of_missed, share_of_targets
        How much of either it holds.
    """

    class_id: int | None
    below_px: int | None
    share_of_missed: float
    share_of_targets: float


def lost_most(test: Sliced) -> LostMost | None:
    """Describe what is missed; None where the figures do not say what it is."""
    rows = test.is_target
    is_missed = test.is_missed[rows]
    if is_missed.sum() < _LEAST_MISSED:
        return None
    classes, side = test.codes("class")[rows], np.sqrt(test.areas[rows])
    worst = int(np.bincount(classes[is_missed]).argmax())
    every = np.ones(len(classes), dtype=bool)
    found = []
    for class_id, is_of in ((None, every), (worst, classes == worst)):
        bound = _bound(side[is_of], is_missed[is_of])
        parts = [(bound, is_of & (side < bound))] if bound else []
        for below_px, is_in in (*parts, *(((None, is_of),) if class_id is not None else ())):
            shares = float(is_in[is_missed].mean()), float(is_in.mean())
            found.append((LostMost(class_id, below_px, *shares), is_in))
    fit = [
        (told, is_in)
        for told, is_in in found
        if told.share_of_missed > _MOST
        and told.share_of_missed >= _OVER * told.share_of_targets
        and _is_worse(test, is_in, is_missed)
    ]
    return max((told for told, _ in fit), key=_lift, default=None)


def _lift(told: LostMost) -> float:
    return told.share_of_missed / told.share_of_targets


def _bound(side: Array, is_missed: Array) -> int:
    """Give the whole pixels below which most more of the missed are than of others; 0 if none."""
    if not len(side) or is_missed.all():
        return 0
    bounds = np.unique(np.floor(side)).astype(np.int64) + 1
    below = [
        np.searchsorted(np.sort(own), bounds, side="left") / max(len(own), 1)
        for own in (side[is_missed], side[~is_missed])
    ]
    return int(bounds[np.argmax(below[0] - below[1])])


def _is_worse(test: Sliced, is_in: Array, is_missed: Array) -> bool:
    number = test.number[test.is_target]
    counted, every = (
        test.drawing.counts(codes, number, ~is_missed, 1)
        for codes in (np.where(is_in, 0, -1), np.zeros(len(is_in), np.int8))
    )
    return bool(test.drawing.shares(counted, every).apart[0] < -SURE)
