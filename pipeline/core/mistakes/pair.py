"""What the second of two tests changed: images and targets that are fixed, and that are broken."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipeline.core.mistakes.common import Common
from pipeline.core.mistakes.dimensions import dimension, image_numbers
from pipeline.core.mistakes.matching import RIGHT
from pipeline.core.mistakes.sums import MISTAKES

GROUPS: Final = ("fixed", "broken", "still_wrong", "still_right")
FIXED, BROKEN, STILL_WRONG, STILL_RIGHT = GROUPS


def groups(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, list[str]]:
    """Give the images of each of `GROUPS`, those with most mistakes first.

    An image is right if it has no mistake at all: one is fixed that had some before and has none
    after, and broken the other way round. It is by those before that fixed ones are in order.

    Parameters
    ----------
    before, after
        What `sums.images` gives, of the same images.
    """
    is_wrong = pl.sum_horizontal(MISTAKES) > 0
    was, now = (set(_names(images.filter(is_wrong))) for images in (before, after))
    members = {
        FIXED: was - now,
        BROKEN: now - was,
        STILL_WRONG: was & now,
        STILL_RIGHT: set(_names(after)) - was - now,
    }
    return {
        group: [name for name in _names(before if group == FIXED else after) if name in found]
        for group, found in members.items()
    }


def by_slice(
    common: Common, before: pl.DataFrame, after: pl.DataFrame, images: pl.DataFrame, name: str
) -> pl.DataFrame:
    """Count targets that were not right before and are after, and the other way round.

    Parameters
    ----------
    before, after
        What `matching.judged` gives for the boxes of both tests.
    images
        What `sums.images` gives for the first.
    name
        One of `dimensions.DIMENSIONS`; the first test says which slice a target is in.

    Returns
    -------
    slices
        For each that has targets ``slice``, its label; ``targets``; ``fixed`` and ``broken``.
    """
    one, other = common.targets
    was, now = (
        judged["fate"].eq_missing(RIGHT).to_numpy()[rows]
        for judged, rows in ((before, one), (after, other))
    )
    numbers = image_numbers(before, images)
    cut = dimension(name, before, images, numbers, common.before.names)
    targets = pl.DataFrame({"slice": cut.own[one], "fixed": now & ~was, "broken": was & ~now})
    counted = targets.filter(pl.col("slice") >= 0).group_by("slice")
    found = counted.agg(pl.len().alias("targets"), pl.all().sum()).sort("slice")
    labels = [cut.labels[code] for code in found["slice"]]
    return found.select(pl.Series("slice", labels, dtype=pl.Object), "targets", "fixed", "broken")


def _names(images: pl.DataFrame) -> list[str]:
    return images["image"].cast(pl.String).to_list()
