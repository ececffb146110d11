"""Which boxes overlap, and who gets whom: the two things that every figure starts from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[Any]

# Pairs that are looked at together: what is made of so many stays in a processor's cache.
_AT_ONCE = 1 << 16
# What Ultralytics adds to a union, so that nothing is divided by zero (`box_iou`).
_EPSILON = 1e-7


@dataclass(frozen=True)
class Pairs:
    """Targets and predictions of one image that overlap.

    Parameters
    ----------
    target, prediction
        Row numbers in the table of boxes.
    iou
        In single precision, as Ultralytics has it, or in double, as pycocotools has.
    """

    target: Array
    prediction: Array
    iou: Array

    def __getitem__(self, chosen: Array) -> Pairs:
        return Pairs(self.target[chosen], self.prediction[chosen], self.iou[chosen])


def image_keys(boxes: pl.DataFrame) -> Array:
    """Give a number for each row that rows of one image have in common."""
    keys: Array = boxes["image"].cast(pl.Categorical).to_physical().cast(pl.Int64).to_numpy()
    return keys


def class_keys(boxes: pl.DataFrame) -> Array:
    """Give a number for each row that rows of one image and class have in common."""
    classes: Array = boxes["class"].cast(pl.Int64).to_numpy()
    keys: Array = image_keys(boxes) * (classes.max(initial=0) + 1) + classes
    return keys


def image_numbers(boxes: pl.DataFrame, images: pl.Series) -> Array:
    """Give for each row the place of its image among these, which are all that there are."""
    of_row, of_image = image_keys(boxes), image_keys(images.to_frame("image"))
    places = np.zeros(max(of_row.max(initial=0), of_image.max(initial=0)) + 1, dtype=np.int32)
    places[of_image] = np.arange(len(images))
    numbers: Array = places[of_row]
    return numbers


def corners(boxes: pl.DataFrame) -> Array:
    """Give x1, y1, x2, y2."""
    return boxes.select("x1", "y1", "x2", "y2").to_numpy()


def overlapping(
    boxes: pl.DataFrame,
    keys: Array,
    targets: Array,
    predictions: Array,
    least: float,
    *,
    is_exact: bool = False,
) -> Pairs:
    """Give the pairs with the same key whose IoU is at least so much.

    Parameters
    ----------
    boxes
        The table.
    keys
        `image_keys` or `class_keys`.
    targets, predictions
        Row numbers of those that may pair.
    least
        The smallest IoU.
    is_exact
        In double precision and without Ultralytics' epsilon: pycocotools' IoU.
    """
    places: Array = corners(boxes).astype(np.float64 if is_exact else np.float32)
    epsilon = places.dtype.type(0 if is_exact else _EPSILON)
    areas = (places[:, 2] - places[:, 0]) * (places[:, 3] - places[:, 1])
    found = []
    for target, prediction in _same_key(keys, targets, predictions):
        one, other = places[target], places[prediction]
        sides = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
        np.clip(sides, 0, None, out=sides)
        shared = sides[:, 0] * sides[:, 1]
        iou = shared / (areas[target] + areas[prediction] - shared + epsilon)
        kept = iou >= least
        found.append(Pairs(target[kept], prediction[kept], iou[kept]))
    return _joined(found)


def greedy(pairs: Pairs, place: Array) -> Pairs:
    """Let each prediction, the most confident first, claim the best target that is still free.

    The best has the largest IoU, and of equals the first row. A prediction whose best free target
    nobody before it could want gets it at once, so that few rounds over all images do what a loop
    over all predictions would.

    Parameters
    ----------
    pairs
        Those that are good enough.
    place
        For each row of the table, when it is its turn.
    """
    has_rival = _has_rival(pairs)
    return _joined([pairs[~has_rival], claimed(in_turn(pairs[has_rival], place), place)])


def in_turn(pairs: Pairs, place: Array, rather: tuple[Array, ...] | None = None) -> Pairs:
    """Give the pairs in the order in which `greedy` looks at them.

    Parameters
    ----------
    rather
        What makes a target better: keys of the pairs, small ones first, the last counts most.
        Unless given, it is what `greedy` says.
    """
    rather = rather or (pairs.target, -pairs.iou)
    return pairs[np.lexsort((*rather, place[pairs.prediction]))]


def claimed(alive: Pairs, place: Array) -> Pairs:
    """Do what `greedy` does with pairs that are `in_turn`, as some of such pairs are, too."""
    return alive[_claims(alive, place)]


def claimed_at(pairs: Pairs, place: Array, thresholds: Array) -> tuple[Array, Array]:
    """Do it at each of several IoUs, with those pairs that have so much.

    Returns
    -------
    pair, column
        Places of the pairs that are claimed, and at which of the IoUs.
    """
    is_claimed = pairs.iou[:, None] >= thresholds
    rivals = np.flatnonzero(_has_rival(pairs))
    few = pairs[rivals]
    is_claimed[rivals] = False
    for number, threshold in enumerate(thresholds):
        enough = np.flatnonzero(few.iou >= threshold)
        is_claimed[rivals[enough[_claims(few[enough], place)]], number] = True
    pair, column = np.nonzero(is_claimed)
    return pair, column


def _has_rival(pairs: Pairs) -> Array:
    """Say of which pairs a box has another pair; the others claim each other, and are most."""
    found = np.zeros(len(pairs.target), dtype=bool)
    for rows in (pairs.target, pairs.prediction):
        found |= np.bincount(rows)[rows] > 1
    return found


def _claims(pairs: Pairs, place: Array) -> Array:
    """Give the places of the pairs that are claimed."""
    free, first = np.ones(len(place), dtype=bool), np.empty(len(place), dtype=np.int64)
    won, alive = [np.empty(0, np.int64)], np.arange(len(pairs.target))
    while alive.size:
        target, prediction = pairs.target[alive], pairs.prediction[alive]
        turn = place[prediction]
        is_best = np.concatenate(([True], turn[1:] != turn[:-1]))
        first[target[::-1]] = turn[::-1]  # of several, the last that is written stays
        got = is_best & (first[target] == turn)
        won.append(alive[got])
        free[target[got]] = free[prediction[got]] = False
        alive = alive[free[target] & free[prediction]]
    return np.concatenate(won)


def by_confidence(boxes: pl.DataFrame) -> Array:
    """Give each row's place when the most confident come first, and equals as they stand."""
    order = np.argsort(-confidences(boxes), kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place


def confidences(boxes: pl.DataFrame) -> Array:
    """Give the confidence in single precision; targets, which have none, have 0."""
    return boxes["conf"].cast(pl.Float32).fill_null(0).to_numpy()


def rows_of(boxes: pl.DataFrame, role: str) -> Array:
    """Give the row numbers of targets or of predictions."""
    return np.flatnonzero((boxes["role"] == role).to_numpy())


def slices_of(ordered: Array, values: Array) -> list[slice]:
    """Give where each value stands in an ordered array."""
    starts, ends = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return [slice(start, end) for start, end in zip(starts, ends, strict=True)]


def _same_key(keys: Array, targets: Array, predictions: Array) -> Iterator[tuple[Array, Array]]:
    ordered = targets[np.argsort(keys[targets], kind="stable")]
    of = keys[ordered]
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    if not len(starts):
        return
    known, sizes = of[starts], np.diff(starts, append=len(of))
    # Each key is looked up once: this is what takes the time.
    found = np.minimum(np.searchsorted(known, keys[predictions]), len(known) - 1)
    start, count = starts[found], np.where(known[found] == keys[predictions], sizes[found], 0)
    predictions, start, count = (each[count > 0] for each in (predictions, start, count))
    ends = np.cumsum(count)
    at = 0
    while at < len(predictions):
        done = ends[at] - count[at]
        until = max(at + 1, int(np.searchsorted(ends, done + _AT_ONCE, side="right")))
        counts = count[at:until]
        within = np.arange(counts.sum()) - np.repeat(ends[at:until] - counts - done, counts)
        yield (
            ordered[np.repeat(start[at:until], counts) + within],
            np.repeat(predictions[at:until], counts),
        )
        at = until


def _joined(parts: list[Pairs]) -> Pairs:
    empty = Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    every = [empty, *parts]
    return Pairs(
        np.concatenate([part.target for part in every]),
        np.concatenate([part.prediction for part in every]),
        np.concatenate([part.iou for part in every]),
    )
