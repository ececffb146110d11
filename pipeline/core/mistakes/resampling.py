"""How sure a share of boxes is, when boxes of one image go wrong together: drawing images anew.

The bootstrap (Efron 1979) draws the images of a test again and again, with all that is in them, and
looks how a share varies. All that it needs of an image are its counts, so that a draw is a row of
weights and all draws one product of matrices. Of many images, random parts of equal size are drawn
instead (the method of random groups: Wolter 2007, "Introduction to Variance Estimation", ch. 2),
which varies as much: a draw costs the same for any test.

The interval of a share is Wilson's (1927) with as many boxes as the spread is worth, at most as
many as there are (Korn and Graubard 1998): unlike quantiles of the draws it says something where
all or nothing is right. A difference has at least the spread that as many boxes would have by
themselves; with few images it is never called more than chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from pipeline.core.mistakes.pairs import Array

SURE: Final = NormalDist().inv_cdf(0.975)  # two-sided 95 %
LEAST_IMAGES: Final = 10
_DRAWS: Final = 500
_PARTS: Final = 1000
_SEED: Final = 20


@dataclass(frozen=True)
class Shares:
    """Shares of slices, an entry a slice; NaN where there is nothing to share.

    Parameters
    ----------
    value, low, high
        The share and its 95 % interval.
    rest
        The share of all that is not in the slice.
    spread
        The standard error of ``value - rest``.
    is_known
        Whether slice and rest have enough images to be compared.
    """

    value: Array
    low: Array
    high: Array
    rest: Array
    spread: Array
    is_known: Array

    @property
    def apart(self) -> Array:
        """By how many standard errors the slice is above the rest; 0 where that is not known."""
        is_known = self.is_known & (self.spread > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(is_known, (self.value - self.rest) / self.spread, 0.0)


class Resampling:
    """Draws from the images of a test, the same for every slice of it.

    Parameters
    ----------
    images
        How many there are.
    """

    def __init__(self, images: int) -> None:
        random = np.random.default_rng(_SEED)
        self.parts = min(max(images, 1), _PARTS)
        self.part_of: Array = (random.permutation(images) % self.parts).astype(np.int32)
        drawn = random.integers(0, self.parts, (_DRAWS, self.parts))
        drawn += np.arange(_DRAWS)[:, None] * self.parts
        counted = np.bincount(drawn.ravel(), minlength=_DRAWS * self.parts)
        self._weights = counted.reshape(_DRAWS, self.parts).astype(np.float32)

    def counts(
        self, codes: Array, images: Array, is_right: Array, slices: int
    ) -> tuple[Array, Array]:
        """Count boxes that are right, and all: a row for each slice, a column for each part.

        Parameters
        ----------
        codes
            The slice of each box; -1 for none.
        images
            The number of its image.
        is_right
            Whether it is right.
        slices
            How many slices there are.
        """
        # Those of no slice are counted in a row before the first.
        cells = (codes.astype(np.int64) + 1) * self.parts + self.part_of[images]
        found = np.bincount(2 * cells + is_right, minlength=2 * (slices + 1) * self.parts)
        wrong, right = np.moveaxis(found.reshape(slices + 1, self.parts, 2)[1:], 2, 0)
        return right, right + wrong

    def shares(self, counted: tuple[Array, Array], every: tuple[Array, Array]) -> Shares:
        """Compare slices with the rest.

        Parameters
        ----------
        counted
            What `counts` gives.
        every
            The same with all boxes in one slice.
        """
        (right, of), (all_right, all_of) = counted, every
        count, total = of.sum(1), int(all_of.sum())
        with np.errstate(invalid="ignore", divide="ignore"):
            value = right.sum(1) / count
            rest = (all_right.sum() - right.sum(1)) / (total - count)
            own, other, is_drawn = self._drawn(right, of, all_right, all_of)
            worth = np.minimum(value * (1 - value) / _variance(own, is_drawn), count)
            worth = np.where(np.isfinite(worth) & (worth > 0), worth, count)
            low, high = _wilson(value, worth)
            overall = all_right.sum() / total
            by_itself = overall * (1 - overall) * (1 / count + 1 / (total - count))
        spread = np.sqrt(np.maximum(_variance(own - other, is_drawn), by_itself))
        images = np.minimum((of > 0).sum(1), (all_of > of).sum(1))
        return Shares(value, low, high, rest, spread, images >= LEAST_IMAGES)

    def _drawn(
        self, right: Array, of: Array, all_right: Array, all_of: Array
    ) -> tuple[Array, Array, Array]:
        """Give the shares of slices and of their rests in each draw, and where both have boxes."""
        drawn_right, drawn_of, drawn_all_right, drawn_all = (
            self._weights @ counted.T.astype(np.float32)
            for counted in (right, of, all_right, all_of)
        )
        own = drawn_right / drawn_of
        other = (drawn_all_right - drawn_right) / (drawn_all - drawn_of)
        return own, other, np.isfinite(own) & np.isfinite(other)


def _variance(drawn: Array, is_drawn: Array) -> Array:
    """Give the variance of each column over the draws that count."""
    draws = is_drawn.sum(0)
    mean = np.where(is_drawn, drawn, 0).sum(0, dtype=np.float64) / np.maximum(draws, 1)
    squares = np.where(is_drawn, drawn - mean, 0) ** 2
    variance: Array = squares.sum(0) / np.maximum(draws - 1, 1)
    return variance


def _wilson(share: Array, count: Array) -> tuple[Array, Array]:
    squared = SURE**2 / count
    middle = (share + squared / 2) / (1 + squared)
    half = SURE * np.sqrt(share * (1 - share) / count + squared / count / 4) / (1 + squared)
    return np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)
