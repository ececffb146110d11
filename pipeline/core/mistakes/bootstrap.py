"""Whether one model is better than another by more than chance, on the same images.

As many images as there are, drawn with replacement, are another test that might as well have been;
both models are measured on each draw, so that images that are hard for both do not count as
chance. The middle 95 % of the differences is the interval (percentile bootstrap; Efron and
Tibshirani 1993, ch. 13; paired: Koehn 2004, "Statistical Significance Tests for Machine Translation
Evaluation").

A draw is a weight for each image: how often it was drawn. Nothing is matched or sorted again. With
all weights 1 the values are those of `precision`: there a recall has the best precision of those
that are larger, so that of a row of hits without a false alarm between them only the last counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipeline.core.mistakes.hits import hits
from pipeline.core.mistakes.pairs import Array, image_numbers, slices_of
from pipeline.core.mistakes.precision import RECALLS, by_class

METRICS: Final = ("mAP50-95", "mAP50")
REPLICATES: Final = 1000
# With fewer images the interval is too narrow to say that something is more than chance.
LEAST_IMAGES: Final = 20
_LEAST_REPLICATES: Final = 100
_SEED: Final = 0
# Predictions and hits that are looked at in all: some 20 s.
_MOST: Final = 1_200_000_000
# Weights of images, or predictions of a class, at once: 8 MB.
_AT_ONCE: Final = 1 << 20
_LEAST_AT_ONCE: Final = 4
_MIDDLE: Final = (2.5, 97.5)
_POINTS: Final = len(RECALLS) - 1
_ROUNDING: Final = 1e-7
# So that nothing is divided by zero, and no count of predictions changes.
_NEXT_TO_NOTHING: Final = 1e-300


@dataclass(frozen=True)
class Delta:
    """A difference, and where the middle 95 % of the differences between draws lie."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """Two models on the same images.

    Parameters
    ----------
    before, after
        The metrics of each.
    delta
        For each of `METRICS`, after less before.
    images, replicates
        How many images there are, and how often they were drawn.
    """

    before: dict[str, float]
    after: dict[str, float]
    delta: dict[str, Delta]
    images: int
    replicates: int

    def is_more_than_chance(self, metric: str = METRICS[0]) -> bool | None:
        """Say whether 0 is outside of the interval; None with too few images to tell."""
        if self.images < LEAST_IMAGES:
            return None
        delta = self.delta[metric]
        return delta.low > 0 or delta.high < 0


@dataclass(frozen=True)
class _Curve:
    """A class of a table: images of targets and of predictions, the most confident first.

    For each IoU ``runs`` has where hits without a false alarm between them begin and end.
    """

    targets: Array
    predictions: Array
    runs: list[tuple[Array, Array]]

    @property
    def size(self) -> int:
        return len(self.predictions) + sum(len(first) for first, _ in self.runs)


def paired(
    before: pl.DataFrame, after: pl.DataFrame, images: pl.Series, replicates: int | None = None
) -> Paired:
    """Measure two models on draws of the images that both were tested on.

    Parameters
    ----------
    before, after
        The boxes of each, with the same targets, see `pipeline.core.mistakes.table`.
    images
        The images by name, those without boxes too; every row is of one of them.
    replicates
        How many draws; unless given, `REPLICATES`, or fewer where the tables are large.
    """
    models = [_curves(boxes, images) for boxes in (before, after)]
    curves = [curve for model in models for curve in model]
    if replicates is None:
        cells = sum(curve.size for curve in curves)
        replicates = max(_LEAST_REPLICATES, min(REPLICATES, _MOST // max(cells, 1)))
    largest = max((len(curve.predictions) for curve in curves), default=0)
    at_once = max(_LEAST_AT_ONCE, _AT_ONCE // max(largest, len(images), 1))
    blocks = [
        [_means(model, weights) for model in models]
        for weights in _draws(len(images), replicates, at_once)
    ]
    one, other = (np.concatenate([block[at] for block in blocks]) for at in range(2))
    is_measured = ~np.isnan(one[:, 0] + other[:, 0])
    is_measured[0] = True  # the images as they are; where nothing is to be found, all is 0
    one, other = (np.nan_to_num(values[is_measured]) for values in (one, other))
    low, high = np.percentile((other - one)[1:] if len(one) > 1 else other - one, _MIDDLE, axis=0)
    return Paired(
        _named(one[0]),
        _named(other[0]),
        {
            name: Delta(float(other[0, at] - one[0, at]), float(low[at]), float(high[at]))
            for at, name in enumerate(METRICS)
        },
        len(images),
        replicates,
    )


def _named(values: Array) -> dict[str, float]:
    return dict(zip(METRICS, map(float, values), strict=True))


def _curves(boxes: pl.DataFrame, images: pl.Series) -> list[_Curve]:
    """Give the classes that have targets."""
    of_row, seen = image_numbers(boxes, images), hits(boxes)
    order = by_class(seen)
    of_target = of_row[(boxes["role"] == "target").to_numpy()]
    classes = np.unique(seen.target_of)
    found = []
    for of, chosen in zip(classes, slices_of(seen.of[order], classes), strict=True):
        rows = order[chosen]
        runs = [_runs(is_hit) for is_hit in seen.is_hit[rows].T]
        found.append(_Curve(of_target[seen.target_of == of], of_row[seen.row[rows]], runs))
    return found


def _runs(is_hit: Array) -> tuple[Array, Array]:
    edges = np.flatnonzero(np.diff(is_hit.astype(np.int8), prepend=0, append=0))
    return edges[::2], edges[1::2]


def _draws(images: int, replicates: int, at_once: int) -> Iterator[Array]:
    """Give how often each image is drawn, a column a draw; the first has each image once."""
    random = np.random.default_rng(_SEED)
    for start in range(0, replicates + 1, at_once):
        weights = np.ones((images, min(at_once, replicates + 1 - start)))
        for column in range(0 if start else 1, weights.shape[1]):
            drawn = random.integers(0, images, images)
            weights[:, column] = np.bincount(drawn, minlength=images)
        yield weights


def _means(curves: Sequence[_Curve], weights: Array) -> Array:
    """Give each of `METRICS` for each draw, a row a draw; not a number where no target is."""
    total, present = np.zeros((2, weights.shape[1])), np.zeros(weights.shape[1])
    for curve in curves:
        wanted = weights[curve.targets].sum(0)
        total += np.where(wanted > 0, _areas(curve, weights, np.maximum(wanted, 1)), 0)
        present += wanted > 0
    with np.errstate(invalid="ignore"):
        return (total / present).T


def _areas(curve: _Curve, weights: Array, wanted: Array) -> Array:
    """Give mAP50-95 and mAP50 of a class."""
    seen = np.empty((len(curve.predictions) + 1, weights.shape[1]))
    seen[0] = _NEXT_TO_NOTHING
    np.take(weights, curve.predictions, axis=0, out=seen[1:], mode="clip")
    np.cumsum(seen, axis=0, out=seen)
    areas = np.stack([_area(seen, *runs, wanted) for runs in curve.runs])
    return np.stack([areas.mean(0), areas[0]])


def _area(seen: Array, first: Array, end: Array, wanted: Array) -> Array:
    """Give what `precision` does, as a sum over hits: at how many recalls each is the next."""
    if not len(first):
        return np.zeros(len(wanted))
    until = seen.take(end, axis=0)
    found = np.cumsum(until - seen.take(first, axis=0), axis=0)
    best = np.maximum.accumulate((found / until)[::-1], axis=0)[::-1]
    # A hit at the very recall is not the next: its quotient is not to be rounded above it.
    passed = np.ceil(found * (_POINTS / wanted) - _ROUNDING)
    passed[1:] -= passed[:-1].copy()
    area: Array = (np.einsum("ij,ij->j", best, passed) - best[0] / 2) / _POINTS
    return area
