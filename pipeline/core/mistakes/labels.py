"""Which labels a model doubts: how sure it is that something else belongs there.

The idea is ObjectLab's (Tkachenko, Thyagarajan, Mueller 2023, `cleanlab.object_detection`): a label
is likely wrong that confident predictions contradict, because an object was overlooked, given
another class or badly placed. ObjectLab scores images; here each label has a score of its own, and
so do labels that nothing in the picture asks for. With *fit*, how well a prediction lies on a
target (1 from the IoU on that the model usually reaches, less with its square), and *own*, the best
confidence times fit among predictions of the label's class:

======== ==========================================================================================
missing  confidence of a prediction, times what is left of 1 after its best fit
class    confidence times fit of a prediction of another class, times 1 - own; times the share of
         its class that the model does not take for that other one, cubed: classes that it often
         confuses say little (so does confident learning; Northcutt, Jiang, Chuang 2021)
box      confidence of the prediction that says most for it, times 1 - fit
spurious share of such targets (class, size) that the model finds, cubed: a miss is rather the
         model's; times 1 - the fourth root of what speaks for it: little is much more than nothing
======== ==========================================================================================

Predictions that hit a target of their class say nothing about others, and a label is listed once,
with its largest score. All scores are thus shares of the model's certainty, and rank together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipeline.core.mistakes.matching import BACKGROUND_IOU
from pipeline.core.mistakes.pairs import (
    Array,
    Pairs,
    by_confidence,
    confidences,
    corners,
    greedy,
    image_keys,
    overlapping,
    rows_of,
)
from pipeline.core.mistakes.size import SIZES

KINDS: Final = ("missing", "spurious", "class", "box")
MISSING, SPURIOUS, CLASS, BOX = KINDS
# Below this the model says more for a label than against it.
LEAST: Final = 0.3
# Below this, in a ranking of all labels, a prediction asks for no missing one.
_LEAST_RANKED: Final = 0.05
_HIT_IOU: Final = 0.5
_FEW: Final = 10  # targets of a class and size; with fewer, what all have counts more
_USUAL_IOU: Final = 0.9  # where nothing was hit
_NONE: Final = -1


@dataclass(frozen=True)
class _Testimony:
    """What predictions say about targets: pairs, their fit, and confidence times that."""

    pairs: Pairs
    fit: Array
    conf: Array
    is_own: Array


def doubtful(boxes: pl.DataFrame, *, is_ranking: bool = False) -> pl.DataFrame:
    """Give the labels that the model doubts, most doubtful first.

    Parameters
    ----------
    boxes
        Rows of whole images, see `pipeline.core.mistakes.table`.
    is_ranking
        Whether all labels are wanted in their order, also those that it does not doubt.

    Returns
    -------
    doubtful
        ``row``, that of the label, or for a missing one of the prediction that asks for it;
        ``kind``, one of `KINDS`; ``score`` from 0 to 1; ``against``, the row of the prediction that
        contradicts the label, null for spurious ones.
    """
    least = _LEAST_RANKED if is_ranking else LEAST
    targets, predictions = rows_of(boxes, "target"), rows_of(boxes, "prediction")
    keys, place = image_keys(boxes), by_confidence(boxes)
    pairs = overlapping(boxes, keys, targets, predictions, BACKGROUND_IOU)
    said, is_hit = _testimony(boxes, pairs, place)
    kind, score, against = _about_targets(boxes, said, targets)
    candidates = predictions[confidences(boxes)[predictions] >= least]
    is_free = ~is_hit
    is_free[against[against != _NONE]] = False
    candidates = candidates[is_free[candidates]]
    candidates = candidates[~_is_repeat(boxes, keys, place, candidates, least)]
    missing = _missing(boxes, pairs, said.fit, candidates)
    found = pl.DataFrame(
        {
            "row": np.concatenate([targets, candidates]),
            "kind": np.concatenate([kind, np.zeros(len(candidates), np.int64)]),
            "score": np.concatenate([score, missing]),
            "against": np.concatenate([against, candidates]),
        }
    )
    return (
        found.filter((pl.col("score") >= least) | (is_ranking & (pl.col("kind") > 0)))
        .sort("score", "row", descending=[True, False])
        .with_columns(
            pl.col("kind").replace_strict(dict(enumerate(KINDS)), return_dtype=pl.Enum(KINDS)),
            pl.when(pl.col("against") != _NONE).then("against").alias("against"),
        )
    )


def _testimony(boxes: pl.DataFrame, pairs: Pairs, place: Array) -> tuple[_Testimony, Array]:
    """Give all that counts as said about targets, with the fit of every pair, and who hit one."""
    classes = boxes["class"].to_numpy()
    is_own = classes[pairs.target] == classes[pairs.prediction]
    met = greedy(pairs[is_own & (pairs.iou >= _HIT_IOU)], place)
    usual = float(np.median(met.iou)) if len(met.iou) else _USUAL_IOU
    partner = np.full(len(boxes), _NONE)
    partner[met.prediction] = met.target
    is_hit = partner != _NONE
    counts = ~is_hit[pairs.prediction] | (partner[pairs.prediction] == pairs.target)
    fit = np.minimum(1, pairs.iou / usual) ** 2
    conf = np.where(counts, confidences(boxes)[pairs.prediction], 0)
    return _Testimony(pairs, fit, conf, is_own), is_hit


def _about_targets(
    boxes: pl.DataFrame, said: _Testimony, targets: Array
) -> tuple[Array, Array, Array]:
    """Give each target its most likely kind, the score, and the prediction against it."""
    count = len(boxes)
    agreed = said.conf * said.fit
    own, by_own = _strongest(said, np.where(said.is_own, agreed, 0), count)
    spoken, _ = _strongest(said, said.conf * np.sqrt(said.fit), count)
    other, by_other = _strongest(said, np.where(said.is_own, 0, agreed), count)
    apart = np.where(by_own == _NONE, 0, confidences(boxes)[by_own] - own)
    unasked = _found_share(boxes, targets, own) ** 3 * (1 - spoken[targets] ** 0.25)
    told_apart = 1 - _confused_share(boxes, targets, by_other[targets], (other > own)[targets])
    swapped = other[targets] * (1 - own[targets]) * told_apart**3
    scores = np.stack([unasked, swapped, apart[targets]])
    best = scores.argmax(0)
    score = scores.max(0)
    against = np.choose(best, [_NONE, by_other[targets], by_own[targets]])
    return best + 1, score, np.where(score >= LEAST, against, _NONE)


def _strongest(said: _Testimony, value: Array, count: int) -> tuple[Array, Array]:
    """Give each row, as a target, the largest value that is said about it and who says it."""
    largest, who = np.zeros(count), np.full(count, _NONE)
    np.maximum.at(largest, said.pairs.target, value)
    is_largest = (value > 0) & (value == largest[said.pairs.target])
    who[said.pairs.target[is_largest]] = said.pairs.prediction[is_largest]
    return largest, who


def _found_share(boxes: pl.DataFrame, targets: Array, own: Array) -> Array:
    """Give for each target how many of its class and size the model finds at all."""
    sides = corners(boxes)[targets].astype(np.float64)
    areas = (sides[:, 2] - sides[:, 0]) * (sides[:, 3] - sides[:, 1])
    limits = [high for _, high in SIZES.values()][:-1]
    group = boxes["class"].to_numpy()[targets].astype(np.int64) * len(SIZES)
    group += np.digitize(areas, limits)
    is_found = own[targets] >= LEAST / 2
    overall = is_found.mean() if len(targets) else 0.0
    found, of = np.bincount(group, is_found), np.bincount(group)
    share: Array = ((found + _FEW * overall) / (of + _FEW))[group]
    return share


def _confused_share(boxes: pl.DataFrame, targets: Array, heard: Array, is_other: Array) -> Array:
    """Give for each target how many of its class the model takes for the class it says of this."""
    classes = boxes["class"].to_numpy().astype(np.int64)
    told = classes[targets]
    kinds = classes.max(initial=0) + 1
    _, pair = np.unique(told * kinds + classes[heard], return_inverse=True)
    share: Array = np.bincount(pair, is_other)[pair] / (np.bincount(told)[told] + _FEW)
    return share


def _is_repeat(
    boxes: pl.DataFrame, keys: Array, place: Array, candidates: Array, least: float
) -> Array:
    """Say which predictions a more confident one has said before, whatever its class."""
    seen = rows_of(boxes, "prediction")
    seen = seen[confidences(boxes)[seen] >= least]
    same = overlapping(boxes, keys, seen, candidates, _HIT_IOU)
    is_repeat = np.zeros(len(boxes), dtype=bool)
    is_repeat[same.prediction[place[same.target] < place[same.prediction]]] = True
    return is_repeat[candidates]


def _missing(boxes: pl.DataFrame, pairs: Pairs, fit: Array, candidates: Array) -> Array:
    best = np.zeros(len(boxes))
    np.maximum.at(best, pairs.prediction, fit)
    score: Array = confidences(boxes)[candidates] * (1 - best[candidates])
    return score
