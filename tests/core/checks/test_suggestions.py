from __future__ import annotations

import polars as pl
import pytest

from pipeline.core.checks.suggestions import Figures, suggest
from pipeline.core.mistakes.cost import cost_of_kinds
from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.sums import matrix
from tests.core.mistakes.tables import table

NAMES = ("cat", "dog", "cow")
LARGE, SMALL = (100, 100, 300, 300), (10, 10, 20, 20)
CFG = {"imgsz": 640, "iou": 0.7}
TRAIN = {
    "images": 1000,
    "backgrounds": 100,
    "classes": {name: {"instances": 500} for name in NAMES},
}


def figures(*rows, cfg=CFG, train=TRAIN, side_px=2000):
    boxes = judged(table(*rows))
    images = boxes.select("image").unique().with_columns(width=pl.lit(side_px), height=pl.lit(300))
    return Figures(
        boxes=boxes,
        images=images,
        labels=NAMES,
        matrix=matrix(boxes, NAMES)["counts"],
        cost=cost_of_kinds(boxes),
        cfg=cfg,
        train=train,
    )


def found(count, box=LARGE, of=0, seen=None, conf=0.9):
    """Give targets that are found, in images of their own; or seen as another class."""
    for number in range(count):
        image = f"{of}{seen}{box}{conf}/{number}"
        yield (image, "target", of, None, box)
        yield (image, "prediction", of if seen is None else seen, conf, box)


def missed(count, box=LARGE, of=0):
    for number in range(count):
        yield (f"missed{of}{box}/{number}", "target", of, None, box)


def alarms(count, of=0):
    for number in range(count):
        yield (f"alarm{of}/{number}", "prediction", of, 0.95, LARGE)


def codes(facts):
    return [entry.code for entry in suggest(facts)]


def test_a_good_test_suggests_nothing():
    assert codes(figures(*found(40), *missed(2), *alarms(2))) == []
    assert codes(figures()) == []


def test_small_targets_that_are_missed_ask_for_larger_images():
    rows = (*found(60), *found(10, SMALL), *missed(30, SMALL))
    (entry,) = suggest(figures(*rows))
    assert (entry.code, entry.kind) == ("small-missed", "missed")
    assert entry.overrides == {"imgsz": 1280}, "twice as many, though 10 of 2000 px need more"
    assert "half of them have 6 px or more, for 4.0 times" in entry.reason
    assert "30 of 30 missed targets" in entry.reason and "75%" in entry.reason


def test_images_are_not_made_larger_than_they_are_nor_where_size_is_not_the_matter():
    rows = (*found(60), *found(10, SMALL), *missed(30, SMALL))
    assert codes(figures(*rows, side_px=640)) == []
    assert codes(figures(*rows, cfg={})) == [], "a run that lost its cfg"
    assert codes(figures(*rows, *missed(40))) == [], "large ones are missed as well"
    assert codes(figures(*found(60), *found(4, SMALL), *missed(6, SMALL))) == [], "too few"


@pytest.mark.parametrize(("seen", "expected"), [(50, ["rare-missed"]), (400, [])])
def test_a_class_that_is_missed_and_was_seen_little_asks_for_labels(seen, expected):
    train = TRAIN | {"classes": TRAIN["classes"] | {"cow": {"instances": seen}}}
    rows = (*found(60), *found(60, of=1), *found(15, of=2), *missed(15, of=2))
    suggested = suggest(figures(*rows, train=train))
    assert [entry.code for entry in suggested] == expected
    for entry in suggested:
        assert entry.cell == (2, None)
        assert "15 of 30 'cow' are missed" in entry.reason
    assert codes(figures(*rows, train={})) == []


def test_two_classes_that_are_taken_for_each_other_are_to_be_looked_at():
    rows = (*found(40), *found(40, of=1), *found(12, of=0, seen=1), *found(3, of=1, seen=0))
    (entry,) = suggest(figures(*rows))
    assert (entry.code, entry.cell) == ("confused", (0, 1))
    assert "15 of 95" in entry.reason
    assert codes(figures(*found(400), *found(40, of=1), *found(12, seen=1))) == [], "a few of many"


def test_false_alarms_ask_for_images_without_objects_where_there_are_few():
    rows, few = (*found(40), *alarms(30)), TRAIN | {"backgrounds": 3}
    (entry,) = suggest(figures(*rows, train=few))
    assert (entry.code, entry.kind) == ("false-alarms", "background")
    assert codes(figures(*rows)) == [], "a tenth of the images is without objects"
    assert codes(figures(*rows, train={})) == []


def test_second_boxes_that_overlap_ask_for_a_stricter_nms():
    def doubles(box):
        return [(image, "prediction", 0, 0.85, box) for image, role, *_ in found(40)]

    near, far = (110, 110, 310, 310), (140, 140, 340, 340)
    rows = (*found(40), *found(40, conf=0.5))
    (entry,) = suggest(figures(*rows, *doubles(near)))
    assert (entry.code, entry.overrides) == ("doubled", {"iou": 0.5})
    assert codes(figures(*rows, *doubles(near), cfg=CFG | {"iou": 0.5})) == []
    assert codes(figures(*rows, *doubles(far))) == [], "NMS would keep them"
