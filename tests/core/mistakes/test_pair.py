from __future__ import annotations

import polars as pl
import pytest

from pipeline.core.mistakes.common import in_common
from pipeline.core.mistakes.dimensions import DIMENSIONS
from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.pair import by_slice, groups
from pipeline.core.mistakes.sums import images
from tests.core.mistakes.tables import drawn, table
from tests.core.mistakes.test_common import BOX, FAR, stored

TARGETS = [(name, "target", number % 2, None, BOX) for number, name in enumerate("abcd")]


def found(*names, extra=()):
    rows = [
        (name, "prediction", number % 2, 0.9, BOX)
        for number, name in enumerate("abcd")
        if name in names
    ]
    return stored(table(*TARGETS, *rows, *((name, "prediction", 0, 0.8, FAR) for name in extra)))


def changes(before, after, conf=0.25, by="class"):
    common = in_common(before, after)
    tests = (common.before, common.after)
    rows = [judged(test.boxes, conf=conf) for test in tests]
    told = [images(own, test.images) for own, test in zip(rows, tests, strict=True)]
    return groups(*told), by_slice(common, *rows, told[0], by)


def test_an_image_is_fixed_that_had_a_mistake_and_has_none():
    members, _ = changes(found("a", "c"), found("b", "c"))
    assert members == {
        "fixed": ["b"],
        "broken": ["a"],
        "still_wrong": ["d"],
        "still_right": ["c"],
    }


def test_an_image_that_is_only_partly_mended_is_still_wrong():
    members, classes = changes(found("b", "c", "d"), found("a", "b", "c", "d", extra="a"))
    assert members["still_wrong"] == ["a"]
    assert classes.rows() == [("circle", 2, 1, 0), ("square", 2, 0, 0)]


def test_targets_are_counted_by_class():
    _, classes = changes(found("a", "c"), found("b", "c"))
    assert classes.rows() == [("circle", 2, 0, 1), ("square", 2, 1, 0)]


def test_the_worst_come_first():
    members, _ = changes(found("a", extra="bbbd"), found("a", "b", "c", "d"))
    assert members["fixed"] == ["b", "d", "c"]
    members, _ = changes(found("a", "b", "c", "d"), found("a", extra="bbbd"))
    assert members["broken"] == ["b", "d", "c"]


def test_what_counts_depends_on_the_confidence():
    assert changes(found("a"), found("a", "b"), conf=0.95)[0]["fixed"] == []


def test_a_test_changes_nothing_of_itself():
    test = stored(drawn(3, images=20, classes=2), "empty")
    members, classes = changes(test, test)
    assert members["fixed"] == members["broken"] == []
    assert classes["fixed"].sum() == classes["broken"].sum() == 0
    assert "empty" in members["still_right"]


def test_what_one_fixes_the_other_way_round_breaks():
    boxes = drawn(3, images=20, classes=2)
    one, other = stored(boxes), stored(boxes.filter(pl.col("role") == "target"))
    there, back = changes(one, other), changes(other, one)
    assert set(there[0]["fixed"]) == set(back[0]["broken"])
    assert there[1]["broken"].to_list() == back[1]["fixed"].to_list()


@pytest.mark.parametrize("name", DIMENSIONS)
def test_every_property_counts_each_target_once(name):
    test = stored(drawn(3, images=20, classes=2))
    boxes = test.boxes.filter((pl.col("role") == "target") | (pl.col("conf") > 0.5))
    _, classes = changes(test, stored(boxes))
    _, slices = changes(test, stored(boxes), by=name)
    measured = name not in ("share", "brightness", "sharpness")  # these images do not say
    for column in ("targets", "fixed", "broken"):
        assert slices[column].sum() == (classes[column].sum() if measured else 0)


def test_targets_are_counted_by_size():
    large = (0, 0, 200, 200)
    rows = [*TARGETS, *((name, "target", 0, None, large) for name in "ab")]
    seen = table(*rows, ("a", "prediction", 0, 0.9, large))
    _, slices = changes(stored(table(*rows)), stored(seen), by="size")
    assert [row[1:] for row in slices.rows()] == [(4, 0, 0), (2, 1, 0)]
