"""What each kind of mistake costs: how much mAP50 would rise if it alone were mended.

TIDE's main errors (Bolya et al. 2020, sec. 3; tidecv 1.0.1, whose numbers these are where every
class has targets), over all predictions that a test keeps, at IoU 0.5 and 0.1 for background.
Matching is within classes here, as in mAP: what a kind costs does not depend on a confidence.
Mended, a prediction of the wrong class or place is a hit if it is the most confident that would
have its target, else it is gone, as are those that are both, doubled or background; a missed target
is no longer wanted. A class without targets is left out, as in mAP.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from pipeline.core.mistakes.area import TIDE_RECALLS, average_precision
from pipeline.core.mistakes.matching import (
    BACKGROUND,
    BACKGROUND_IOU,
    BADLY_PLACED,
    BOTH,
    DOUBLED,
    MISSED,
    WRONG_CLASS,
)
from pipeline.core.mistakes.pairs import (
    Array,
    Pairs,
    by_confidence,
    greedy,
    image_keys,
    overlapping,
    rows_of,
    slices_of,
)

KINDS = (WRONG_CLASS, BADLY_PLACED, BOTH, DOUBLED, BACKGROUND, MISSED)
_IOU = 0.5
_NONE = -1


@dataclass(frozen=True)
class _Seen:
    """Predictions, the most confident first, and the classes of the targets that are wanted."""

    of: Array
    is_hit: Array
    wanted: Array

    def map50(self, classes: Array) -> float:
        values = []
        order = np.argsort(self.of, kind="stable")
        for number, found in zip(classes, slices_of(self.of[order], classes), strict=True):
            rows = self.is_hit[order[found]]
            positives = int((self.wanted == number).sum())
            if positives:
                hits = rows[:, None]
                values.append(average_precision(hits, ~hits, positives, TIDE_RECALLS)[0])
            elif len(rows):
                values.append(0.0)
        # A model that finds nothing loses all of it by what it misses; TIDE has no value there.
        return float(np.mean(values)) if values else 1.0


def cost_of_kinds(boxes: pl.DataFrame) -> dict[str, float]:
    """Give what each of `KINDS` costs; what only rounding makes negative is 0."""
    targets, place = rows_of(boxes, "target"), by_confidence(boxes)
    classes = boxes["class"].to_numpy()
    predictions = rows_of(boxes, "prediction")
    keys = image_keys(boxes)
    pairs = overlapping(boxes, keys, targets, predictions, BACKGROUND_IOU, is_exact=True)
    predictions = predictions[np.argsort(place[predictions])]
    is_own = classes[pairs.target] == classes[pairs.prediction]
    met = greedy(pairs[is_own & (pairs.iou >= _IOU)], place)
    is_met = np.zeros(len(boxes), dtype=bool)
    is_met[met.target] = is_met[met.prediction] = True
    kind, target = (each[predictions] for each in _judged(pairs, is_own, is_met))

    seen = _Seen(classes[predictions], is_met[predictions], classes[targets])
    present = np.unique(seen.wanted)
    explained, first = np.unique(target, return_index=True)
    wins = np.zeros(len(predictions), dtype=bool)
    wins[first[explained != _NONE]] = True
    becomes = seen.of.copy()
    becomes[wins] = classes[target[wins]]
    is_met[explained[explained != _NONE]] = True
    mended = {
        name: _mended(seen, ~seen.is_hit & (kind == number), wins, becomes)
        for number, name in enumerate(KINDS)
    }
    mended[MISSED] = replace(seen, wanted=classes[targets[is_met[targets]]])
    base = seen.map50(present)
    return {name: max(after.map50(present) - base, 0.0) for name, after in mended.items()}


def _mended(seen: _Seen, concerned: Array, wins: Array, becomes: Array) -> _Seen:
    kept = ~concerned | wins
    of = np.where(concerned, becomes, seen.of)
    return _Seen(of[kept], (seen.is_hit | concerned)[kept], seen.wanted)


def _judged(pairs: Pairs, is_own: Array, is_met: Array) -> tuple[Array, Array]:
    """Give rows, as predictions that are no hits, their kinds, and targets that they might have."""
    own, own_target = _best(pairs[is_own], len(is_met))
    other, other_target = _best(pairs[~is_own], len(is_met))
    is_used = np.append(is_met, True)  # the last stands for no target
    tests = [
        (own >= BACKGROUND_IOU) & (own <= _IOU),
        other >= _IOU,
        own >= _IOU,
        np.maximum(own, other) <= BACKGROUND_IOU,
    ]
    found = [KINDS.index(name) for name in (BADLY_PLACED, WRONG_CLASS, DOUBLED, BACKGROUND)]
    kind = np.select(tests, found, KINDS.index(BOTH))
    target = np.select(tests[:2], [own_target, other_target], _NONE)
    return kind, np.where(is_met | is_used[target], _NONE, target)


def _best(pairs: Pairs, count: int) -> tuple[Array, Array]:
    """Give each row its largest IoU as a prediction and the first target that has it."""
    iou, target = np.zeros(count), np.full(count, _NONE)
    np.maximum.at(iou, pairs.prediction, pairs.iou)
    best = pairs[pairs.iou == iou[pairs.prediction]]
    target[best.prediction[::-1]] = best.target[::-1]  # the first is written last
    return iou, target
