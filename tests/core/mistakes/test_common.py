from __future__ import annotations

import polars as pl
import pytest

from pipeline.core.errors import InputError
from pipeline.core.mistakes.common import Differs, in_common
from pipeline.core.mistakes.stored import Stored
from pipeline.core.mistakes.table import IMAGES
from tests.core.mistakes.tables import drawn, table

BOX, FAR = (10, 10, 30, 30), (50, 50, 70, 70)
NAMES = ("circle", "square")


def stored(boxes, *empty, names=NAMES):
    every = [*boxes["image"].cast(pl.String).unique(maintain_order=True), *empty]
    images = pl.DataFrame({"image": every}).with_columns(
        pl.lit(None).alias(name) for name in IMAGES.names()[1:]
    )
    return Stored(boxes, images.cast(IMAGES), names, "test")


def classes_of(common):
    return [test.boxes["class"].to_list() for test in (common.before, common.after)]


def test_the_same_test_has_everything_in_common():
    boxes = drawn(1)
    found = in_common(stored(boxes, "empty"), stored(boxes, "empty"))
    assert found.differs == Differs(0, 0, 0)
    assert found.after.boxes.equals(boxes)
    assert "empty" in found.images


def test_images_that_only_one_has_are_left_out_and_counted():
    both = [("b", "target", 0, None, BOX), ("b", "prediction", 0, 0.9, BOX)]
    one = stored(table(("a", "target", 0, None, BOX), *both))
    other = stored(table(*both, ("c", "prediction", 1, 0.9, BOX)), "d")
    found = in_common(one, other)
    assert found.differs == Differs(1, 2, 0)
    assert found.images.to_list() == ["b"]
    assert set(found.before.boxes["image"]) == set(found.after.boxes["image"]) == {"b"}


@pytest.mark.parametrize(
    "labels",
    [
        [],
        [(1, BOX)],
        [(0, FAR)],
        [(0, BOX), (0, BOX)],
        [(0, (10, 10, 30, 33))],
    ],
    ids=["gone", "other class", "elsewhere", "one more", "redrawn"],
)
def test_images_with_other_labels_are_left_out_and_counted(labels):
    same = ("b", "target", 1, None, BOX)
    one = stored(table(("a", "target", 0, None, BOX), same))
    other = stored(table(*(("a", "target", of, None, box) for of, box in labels), same), "a")
    other = Stored(other.boxes, other.images.unique("image"), NAMES, "test")
    found = in_common(one, other)
    assert found.differs == Differs(0, 0, 1)
    assert found.images.to_list() == ["b"]


def test_labels_are_the_same_that_only_rounding_moved():
    one = stored(table(("a", "target", 0, None, BOX)))
    other = stored(table(("a", "target", 0, None, (10.4, 9.7, 30, 30.5))))
    assert in_common(one, other).differs == Differs(0, 0, 0)


def test_classes_are_the_same_that_have_the_same_name():
    rows = [("a", "prediction", 2, 0.9, BOX), ("a", "target", 1, None, BOX)]
    one = stored(table(("a", "target", 0, None, BOX)))
    other = stored(table(*rows), names=("square", "circle", "star"))
    found = in_common(one, other)
    assert found.differs == Differs(0, 0, 0)
    assert found.before.labels == found.after.labels == ("circle", "square", "star")
    assert classes_of(found) == [[0], [2, 0]]


def test_classes_that_share_a_name_stay_two():
    boxes = table(("a", "target", 0, None, BOX), ("a", "target", 1, None, FAR))
    found = in_common(stored(boxes, names=("x", "x")), stored(boxes, names=("x", "x", "y")))
    assert classes_of(found) == [[0, 1], [0, 1]]


def test_targets_correspond_however_the_images_come():
    a, b = [("a", "target", of, None, BOX) for of in (1, 0)], ("b", "target", 0, None, FAR)
    found = in_common(stored(table(*a, b)), stored(table(b, *a)))
    keys = [
        test.boxes[rows].select("image", "class", "x1").rows()
        for test, rows in zip((found.before, found.after), found.targets, strict=True)
    ]
    assert keys[0] == keys[1]


def test_nothing_in_common_is_said():
    one = stored(table(("a", "target", 0, None, BOX)))
    with pytest.raises(InputError, match="no image in common"):
        in_common(one, stored(table(("b", "target", 0, None, BOX))))
    with pytest.raises(InputError, match="tested on, 1, have other labels"):
        in_common(one, stored(table(("a", "target", 1, None, BOX))))
