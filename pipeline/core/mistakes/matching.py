"""What became of each target and each prediction at one confidence and one IoU.

**Who meets whom** is Ultralytics' confusion matrix (8.4.190, `ConfusionMatrix.process_batch`):
predictions with more than the confidence, the most confident first and equals as they stand, each
claim the target of their image, whatever its class, that they overlap most of those that are free,
if the IoU is more than the threshold. So the matrix is in the rows, cell by cell: a row with a
``partner`` is in the cell of both classes, one without is in that of its class and background.

**What is wrong** with the others are the kinds of TIDE (Bolya et al. 2020, "TIDE: A General
Toolbox for Identifying Object Detection Errors", sec. 3.2, and `TIDERun._eval_image` of tidecv
1.0.1, whose order of tests this is), with the threshold as foreground and 0.1 as background. A
prediction has the first that fits:

============== ====================================================================================
right          its partner has its class
wrong class    its partner has another
badly placed   the best target of its class overlaps it from 0.1 to the threshold
wrong class    a target of another class overlaps it more, but has another partner
doubled        a target of its class overlaps it more, but has another partner
background     no target overlaps it by more than 0.1
both           what is left: another class, and badly placed
============== ====================================================================================

A target with a partner is right or of the wrong class as the partner is. One without is badly
placed if it is the best target of a badly placed prediction, else missed: TIDE counts no target as
missed that a mistake in place explains. Where TIDE would match within a class and the matrix
across classes, the matrix counts: a target that a more confident box of another class has claimed
is of the wrong class, and the box of its own class that came late is doubled.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from pipeline.core.mistakes.pairs import (
    Array,
    Pairs,
    by_confidence,
    confidences,
    greedy,
    image_keys,
    overlapping,
    rows_of,
)
from pipeline.core.mistakes.table import BOXES, CONF, FATES, IOU

RIGHT, WRONG_CLASS, BADLY_PLACED, BOTH, DOUBLED, BACKGROUND, MISSED = FATES
# Below this, TIDE says, a box has nothing to do with a target.
BACKGROUND_IOU: Final = 0.1
_NONE: Final = -1


def judged(boxes: pl.DataFrame, *, conf: float = CONF, iou: float = IOU) -> pl.DataFrame:
    """Give the same rows with what became of them; the module says by which rules.

    Parameters
    ----------
    boxes
        Rows of whole images: ``image``, ``role`` (``target`` or ``prediction``), ``class``,
        ``conf`` (null for targets), ``x1``, ``y1``, ``x2``, ``y2``.
    conf
        Predictions count that are more confident than this.
    iou
        Boxes meet that overlap more than this.

    Returns
    -------
    boxes
        With ``partner`` (the row number, in this table, of the box that it met, or null), ``iou``
        (with the partner, else the IoU that decided the fate, or null where nothing overlaps by
        0.1) and ``fate`` (null for predictions that do not count).
    """
    return Matched(boxes, least=conf, iou=iou).at(conf)


class Matched:
    """Who met whom, once for all confidences.

    As the most confident claim first, those that are less sure change nothing for the others: at
    another confidence the same have met, and predictions have the same fates.

    Parameters
    ----------
    boxes, iou
        See `judged`.
    least
        The smallest confidence that will be asked for.
    """

    def __init__(self, boxes: pl.DataFrame, *, least: float, iou: float = IOU) -> None:
        self._boxes, self._conf = boxes, confidences(boxes)
        self._targets = targets = rows_of(boxes, "target")
        predictions = rows_of(boxes, "prediction")
        predictions = predictions[self._conf[predictions] > least]
        pairs = overlapping(boxes, image_keys(boxes), targets, predictions, BACKGROUND_IOU)
        met = greedy(pairs[pairs.iou > iou], by_confidence(boxes))
        classes = boxes["class"].to_numpy()

        self._partner = partner = np.full(len(boxes), _NONE, dtype=np.int32)
        self._fate = fate = np.full(len(boxes), _NONE, dtype=np.int8)
        self._shared = shared = np.full(len(boxes), np.nan, dtype=np.float32)
        partner[met.target], partner[met.prediction] = met.prediction, met.target
        is_own = classes[met.target] == classes[met.prediction]
        of_pair = np.where(is_own, *_codes(RIGHT, WRONG_CLASS))
        for rows in (met.target, met.prediction):
            fate[rows], shared[rows] = of_pair, met.iou
        alone = predictions[partner[predictions] == _NONE]
        left = pairs[partner[pairs.prediction] == _NONE]
        found = _without_partner(left, alone, classes, iou, len(boxes))
        fate[alone], shared[alone], self._near = found

    def at(self, conf: float) -> pl.DataFrame:
        """Give what `judged` does."""
        partner, fate, shared = self._partner.copy(), self._fate.copy(), self._shared.copy()
        counts, targets = self._conf > conf, self._targets
        is_told = counts.copy()
        is_told[targets] = (partner[targets] != _NONE) & counts[partner[targets]]
        partner[~is_told], fate[~is_told], shared[~is_told] = _NONE, _NONE, np.nan

        fate[targets[partner[targets] == _NONE]] = FATES.index(MISSED)
        near = self._near
        hit = near[counts[near.prediction] & (partner[near.target] == _NONE)]
        fate[hit.target] = FATES.index(BADLY_PLACED)
        best = np.zeros(len(fate), dtype=np.float32)
        np.maximum.at(best, hit.target, hit.iou)
        shared[hit.target] = best[hit.target]
        return self._boxes.with_columns(
            pl.Series("partner", partner).replace(_NONE, None).cast(BOXES["partner"]),
            pl.Series("iou", shared).fill_nan(None),
            pl.Series("fate", fate, dtype=pl.Int8)
            .replace(_NONE, None)
            .cast(pl.UInt8)
            .cat.to(BOXES["fate"]),
        )


def _without_partner(
    pairs: Pairs, alone: Array, classes: Array, iou: float, count: int
) -> tuple[Array, Array, Pairs]:
    """Judge predictions that have no partner: their fates, IoUs, and the near misses as pairs."""
    is_own = classes[pairs.target] == classes[pairs.prediction]
    own, other = best_of(pairs[is_own], count), best_of(pairs[~is_own], count)
    with_own, with_other = own[alone], other[alone]
    fates = np.select(
        [
            (with_own >= np.float32(BACKGROUND_IOU)) & (with_own <= np.float32(iou)),
            with_other > np.float32(iou),
            with_own > np.float32(iou),
            with_other <= np.float32(BACKGROUND_IOU),
        ],
        _codes(BADLY_PLACED, WRONG_CLASS, DOUBLED, BACKGROUND),
        FATES.index(BOTH),
    )
    deciding = np.where(np.isin(fates, _codes(BADLY_PLACED, DOUBLED)), with_own, with_other)
    near = pairs[is_own & (pairs.iou == own[pairs.prediction]) & (pairs.iou <= np.float32(iou))]
    near = near[np.lexsort((near.target, near.prediction))]
    first = np.unique(near.prediction, return_index=True)[1]
    return fates, np.where(deciding > 0, deciding, np.nan), near[first]


def best_of(pairs: Pairs, count: int) -> Array:
    """Give each row the largest IoU that it has as a prediction, 0 if it has none."""
    best = np.zeros(count, dtype=np.float32)
    np.maximum.at(best, pairs.prediction, pairs.iou)
    return best


def _codes(*fates: str) -> list[int]:
    return [FATES.index(fate) for fate in fates]
