"""P, R and mAP50 of parts of a test, and whether they differ from the rest by more than chance.

P and R are those at the confidence and IoU that the test was judged with: of the boxes that count,
how many are right. mAP50 is over all confidences, see `slice_areas`. `dimensions` says to which
slice a box belongs, and `resampling` how sure a share is: a slice differs from the rest if the 95 %
interval of the difference is all on one side of 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from pipeline.core.mistakes.dimensions import Dimension, dimension, image_numbers, sides
from pipeline.core.mistakes.pairs import Array
from pipeline.core.mistakes.resampling import SURE, Resampling, Shares
from pipeline.core.mistakes.slice_areas import Areas

_NONE = -1
Place = tuple[tuple[str, int], ...]  # dimensions, and which of their slices
Labels = tuple[str, ...]


@dataclass(frozen=True)
class Rate:
    """A share with its 95 % interval, that of the rest, and whether they truly differ."""

    value: float
    low: float
    high: float
    rest: float | None
    is_other: bool


@dataclass(frozen=True)
class Slice:
    """A part of a test.

    Parameters
    ----------
    place
        What it is, for `Sliced.images_of`.
    labels
        What it is called, a label for each dimension; those that are `Said` have translations.
    images, targets, predictions, right
        How many it has; of predictions those that count.
    recall, precision
        None where it has no target, or no prediction.
    map50
        None where it has no target, or where nobody measured.
    """

    place: Place
    labels: Labels
    images: int
    targets: int
    predictions: int
    right: int
    recall: Rate | None
    precision: Rate | None
    map50: float | None = None

    @property
    def lost_more(self) -> float:
        """How many targets more are not right than would be with the recall of the rest."""
        if not self.recall or self.recall.rest is None:
            return 0.0
        return self.targets * (self.recall.rest - self.recall.value)


class Sliced:
    """A judged test that can be cut into slices; what is public is of the boxes that count.

    Parameters
    ----------
    judged
        What `matching.judged` gives.
    images
        What `sums.images` gives.
    labels
        Names of the classes by id.
    """

    def __init__(self, judged: pl.DataFrame, images: pl.DataFrame, labels: Sequence[str]) -> None:
        is_target = (judged["role"] == "target").to_numpy()
        number = image_numbers(judged, images)
        counts = (is_target | judged["fate"].is_not_null().to_numpy()) & (number >= 0)
        partner = judged["partner"].cast(pl.Int64).fill_null(_NONE).to_numpy()
        place = np.cumsum(counts, dtype=np.int32) - 1
        met = np.full(len(partner), _NONE, dtype=np.int32)
        has_met = ~is_target & (partner >= 0)
        met[has_met] = place[partner[has_met]]
        self.images, self.labels = images, tuple(labels)
        self._boxes = judged.select("class", "fate", "x1", "y1", "x2", "y2").filter(counts)
        self.number, self.met, self.is_target = number[counts], met[counts], is_target[counts]
        self.is_right, self.is_missed = (
            (self._boxes["fate"] == fate).to_numpy() for fate in ("right", "missed")
        )
        self.drawing = Resampling(len(images))
        self._cuts: dict[str, Dimension] = {}
        self._codes: dict[str, Array] = {}

    def by(self, name: str, areas: Areas | None = None) -> list[Slice]:
        """Give the slices of one of `dimensions.DIMENSIONS` that have an image.

        Parameters
        ----------
        name
            The dimension.
        areas
            Measures mAP50.
        """
        cut = self.cut(name)
        codes, slices = self.codes(name), len(cut.labels)
        if cut.of_image is None:
            met = np.unique(codes.astype(np.int64) * len(self.images) + self.number)
            of_image = met // max(len(self.images), 1)
        else:
            of_image = cut.of_image
        images = np.bincount(of_image[of_image >= 0], minlength=slices)
        places: list[Place] = [((name, code),) for code in range(slices)]
        found = self.described(codes, places, [(label,) for label in cut.labels], images)
        map50 = areas.by(name) if areas else [None] * slices
        rows = [replace(own, map50=area) for own, area in zip(found, map50, strict=True)]
        return [own for own in rows if own.images]

    def cut(self, name: str) -> Dimension:
        """Give a dimension."""
        if name not in self._cuts:
            given = (self._boxes, self.images, self.number, self.labels)
            self._cuts[name] = dimension(name, *given)
        return self._cuts[name]

    @property
    def areas(self) -> Array:
        """The area of each box, in pixels."""
        width, height = sides(self._boxes)
        area: Array = width * height
        return area

    def codes(self, name: str) -> Array:
        """Give each box's slice of a dimension, -1 for none."""
        if name not in self._codes:
            self._codes[name] = self.cut(name).codes(self.met)
        return self._codes[name]

    def described(
        self, codes: Array, places: Sequence[Place], labels: Sequence[Labels], images: Array
    ) -> list[Slice]:
        """Give slices, of which the boxes have the numbers; -1 is none."""
        targets, seen = self.is_target, ~self.is_target
        recall = self._shares(codes, targets, len(places))
        precision = self._shares(codes, seen, len(places))
        of_targets, of_seen, right = (
            np.bincount(codes[rows & (codes >= 0)], minlength=len(places))
            for rows in (targets, seen, targets & self.is_right)
        )
        return [
            Slice(
                place,
                labels[at],
                images=int(images[at]),
                targets=int(of_targets[at]),
                predictions=int(of_seen[at]),
                right=int(right[at]),
                recall=_rate(recall, at),
                precision=_rate(precision, at),
            )
            for at, place in enumerate(places)
        ]

    def is_in(self, place: Place) -> Array:
        """Say of each box whether it is in a slice."""
        is_in = np.ones(len(self.number), dtype=bool)
        for name, code in place:
            is_in &= self.codes(name) == code
        return is_in

    def is_there(self, place: Place) -> Array:
        """Say of each image whether it is in a slice; without boxes it can be in one of images."""
        of_image = [(self.cut(name).of_image, code) for name, code in place]
        if any(own is None for own, _ in of_image):
            is_there = np.zeros(len(self.images), dtype=bool)
            is_there[self.number[self.is_in(place)]] = True
            return is_there
        found: Array = np.logical_and.reduce([own == code for own, code in of_image])
        return found

    def images_of(self, place: Place) -> pl.DataFrame:
        """Give the images of a slice, those first in which it has most mistakes.

        Returns
        -------
        images
            Rows of the images, with ``count``, of targets that are not right and of predictions
            that met none, in the slice.
        """
        is_wrong = self.is_in(place) & ~self.is_right & (self.is_target | (self.met == _NONE))
        count = np.bincount(self.number[is_wrong], minlength=len(self.images))
        rows = self.images.with_columns(pl.Series("count", count))
        there = pl.Series(self.is_there(place), dtype=pl.Boolean)
        return rows.filter(there).sort("count", descending=True, maintain_order=True)

    def _shares(self, codes: Array, rows: Array, slices: int) -> Shares:
        own, number, is_right = codes[rows], self.number[rows], self.is_right[rows]
        counted, every = (
            self.drawing.counts(of, number, is_right, count)
            for of, count in ((own, slices), (np.zeros(len(number), np.int8), 1))
        )
        return self.drawing.shares(counted, every)


def _rate(shares: Shares, at: int) -> Rate | None:
    value, low, high, rest = (
        float(own[at]) for own in (shares.value, shares.low, shares.high, shares.rest)
    )
    if np.isnan(value):
        return None
    is_other = bool(abs(shares.apart[at]) > SURE)
    return Rate(value, low, high, None if np.isnan(rest) else rest, is_other)
