"""What two tests both have: images that are named alike and have the same labels in both.

A label that was corrected in between says nothing about the models, so its image is left out, and
counted. Classes are the same that have the same name, whatever their ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from pipeline.core.errors import InputError
from pipeline.core.mistakes.pairs import Array, image_numbers, rows_of
from pipeline.core.mistakes.stored import Stored
from pipeline.core.mistakes.table import BOXES
from pipeline.core.said import said

# What loading, scaling and single precision may change of a box.
_SAME_PX: Final = 1.5
_CORNERS: Final = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True)
class Differs:
    """How many images only one of two tests has, and how many have other labels in each."""

    only_before: int
    only_after: int
    relabelled: int


@dataclass(frozen=True)
class Common:
    """What two tests both have.

    Parameters
    ----------
    before, after
        The tests with these images only; a class has the same id in both.
    differs
        What was left out.
    targets
        Rows of targets in the boxes of both tests, in the same order.
    """

    before: Stored
    after: Stored
    differs: Differs
    targets: tuple[Array, Array]

    @property
    def images(self) -> pl.Series:
        """The images by name."""
        return self.before.images["image"].cast(pl.String)


def in_common(before: Stored, after: Stored) -> Common:
    """Give what two tests both have.

    Raises
    ------
    InputError
        There is no image that is in both, with the same labels.
    """
    least = max(before.kept.conf, after.kept.conf)
    before, after = (_from(test, least) for test in (before, after))
    labels, ids = _classes(before.labels, after.labels)
    if list(ids) != list(ids.values()):
        own = pl.col("class").replace_strict(ids, return_dtype=BOXES["class"])
        after = replace(after, boxes=after.boxes.with_columns(own))
    one, other = (test.images.select("image") for test in (before, after))
    shared = one.join(other, on="image", how="semi", maintain_order="left")
    relabelled = _relabelled(_targets(before.boxes), _targets(after.boxes))
    kept = shared.join(relabelled, on="image", how="anti", maintain_order="left")
    if not len(kept):
        raise _nothing(len(shared))
    before, after = (_only(test, kept, labels) for test in (before, after))
    return Common(
        before,
        after,
        Differs(len(one) - len(shared), len(other) - len(shared), len(shared) - len(kept)),
        (_ordered(before.boxes, kept["image"]), _ordered(after.boxes, kept["image"])),
    )


def _classes(one: Sequence[str], other: Sequence[str]) -> tuple[tuple[str, ...], dict[int, int]]:
    """Give the names of both, and for each id of the second its id among them."""
    ids = {key: number for number, key in enumerate(_keys(one))}
    for key in _keys(other):
        ids.setdefault(key, len(ids))
    return tuple(name for name, _ in ids), {at: ids[key] for at, key in enumerate(_keys(other))}


def _keys(names: Sequence[str]) -> list[tuple[str, int]]:
    """Number names that several classes have."""
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        keys.append((name, seen[name]))
        seen[name] += 1
    return keys


def _targets(boxes: pl.DataFrame) -> pl.DataFrame:
    """Give the targets, numbered within an image and class: a loader keeps the order of lines."""
    own = boxes.filter(pl.col("role") == "target").select("image", "class", *_CORNERS)
    return own.with_columns(place=pl.int_range(pl.len()).over("image", "class"))


def _relabelled(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Give the images whose targets are not the same in both."""
    both = one.join(other, on=("image", "class", "place"), how="full", coalesce=True)
    is_apart = [
        ((pl.col(side) - pl.col(f"{side}_right")).abs() <= _SAME_PX).fill_null(value=False).not_()
        for side in _CORNERS
    ]
    return both.filter(pl.any_horizontal(is_apart)).select("image").unique()


def _only(test: Stored, images: pl.DataFrame, labels: tuple[str, ...]) -> Stored:
    boxes, rows = (
        part.join(images, on="image", how="semi", maintain_order="left")
        if len(images) < len(test.images)
        else part
        for part in (test.boxes, test.images)
    )
    return replace(test, boxes=boxes, images=rows, labels=labels, summary=None)


def _from(test: Stored, least: float) -> Stored:
    """Leave out predictions that the other test did not keep: they would be its loss alone."""
    if test.kept.conf >= least:
        return test
    is_kept = (pl.col("role") == "target") | (pl.col("conf") >= least)
    return replace(test, boxes=test.boxes.filter(is_kept), kept=replace(test.kept, conf=least))


def _ordered(boxes: pl.DataFrame, images: pl.Series) -> Array:
    """Give the rows of targets by image and class; where these are equal as they stand."""
    rows = rows_of(boxes, "target")
    of, image = boxes["class"].to_numpy()[rows], image_numbers(boxes, images)[rows]
    ordered: Array = rows[np.lexsort((of, image))]
    return ordered


def _nothing(shared: int) -> InputError:
    if shared:
        return InputError(
            said(
                "All images that both were tested on, {count}, have other labels or names of "
                "classes in each.",
                count=shared,
            ),
            next=said("Test both again on the labels as they are now."),
        )
    return InputError(
        said("The two tests have no image in common."),
        next=said("Test one of them again on the data and the split of the other."),
    )
