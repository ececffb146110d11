from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.mistakes.resampling import Resampling


def clustered(seed, count):
    """Draw boxes of images in which much is right or little; the first half is a slice."""
    random = np.random.default_rng(seed)
    image = np.repeat(np.arange(count), random.integers(1, 9, count))
    is_right = random.random(len(image)) < random.beta(0.5, 0.5, count)[image]
    return image, is_right, np.where(image < count // 2, 0, -1)


def shares_of(image, is_right, codes, count):
    drawing = Resampling(count)
    counted = drawing.counts(codes, image, is_right, 1)
    every = drawing.counts(np.zeros(len(image), np.int8), image, is_right, 1)
    return drawing.shares(counted, every)


@pytest.mark.parametrize("count", [300, 5000])
def test_a_difference_spreads_as_drawing_all_images_would_make_it(count):
    image, is_right, codes = clustered(1, count)
    found = shares_of(image, is_right, codes, count)
    variance = 0.0
    for own in (codes == 0, codes != 0):
        # The spread of a ratio of sums over images, to first order.
        share = is_right[own].mean()
        beyond = np.bincount(image[own], is_right[own] - share, minlength=count)
        variance += (beyond**2).sum() / own.sum() ** 2
    assert found.spread[0] == pytest.approx(np.sqrt(variance), rel=0.12)
    half = (found.high - found.low)[0] / 2
    assert half > 1.5 * 1.96 * np.sqrt(0.25 / (codes == 0).sum()), "not as if boxes were alone"


def test_the_same_test_gives_the_same_interval_each_time():
    drawn = [shares_of(*clustered(2, 400), 400) for _ in range(2)]
    assert drawn[0].low == drawn[1].low


def test_what_is_all_right_is_not_sure_to_be():
    image = np.repeat(np.arange(30), 2)
    found = shares_of(image, np.ones(60, dtype=bool), np.where(image < 15, 0, -1), 30)
    assert (found.value[0], found.high[0], found.apart[0]) == (1, 1, 0)
    assert 0.85 < found.low[0] < 0.95, "Wilson's for 30 of 30"
