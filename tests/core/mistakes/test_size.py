from __future__ import annotations

import contextlib
import io

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.core.mistakes.size import SHARES, SIZES, by_share, by_size
from tests.core.mistakes.tables import TABLES, drawn, table

SIDES = st.lists(st.integers(1, 2000), min_size=2, max_size=8)


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_ap_by_size_is_that_of_pycocotools(boxes):
    assert_same(boxes)


@settings(max_examples=60, deadline=None)
@given(TABLES, SIDES)
@example(
    table(("a", "target", 0, None, (0, 0, 10, 10)), ("a", "prediction", 0, 0.5, (0, 0, 9, 10))),
    [100],
)
def test_ap_by_share_is_that_of_pycocotools(boxes, sides):
    images = sized(boxes, sides)
    area_of = {name: width * height for name, width, height in images.iter_rows()}
    assert_equal(by_share(boxes, images), of_pycocotools(boxes, SHARES, area_of))


def test_boxes_of_an_image_without_a_known_size_have_no_share():
    boxes, lost = drawn(3), ("a/0.jpg", "b/1.jpg")
    images = sized(boxes, [640])
    is_lost = pl.col("image").cast(pl.String).is_in(lost)
    expected = by_share(boxes.filter(~is_lost), images)
    for width in (None, 0):
        given = images.with_columns(width=pl.when(is_lost).then(width).otherwise("width"))
        assert by_share(boxes, given) == expected
    assert by_share(boxes, images.filter(~is_lost)) == expected
    assert sum(of.instances for of in by_share(boxes, images[:0]).values()) == 0


def test_a_crowd_of_more_than_a_hundred_of_a_class_is_measured_as_coco_does():
    assert_same(drawn(5, images=2, classes=1, targets=400, side=2000))


def test_a_size_without_targets_has_no_value():
    box = (0, 0, 10, 10)
    found = by_size(table(("a", "target", 0, None, box), ("a", "prediction", 0, 0.5, box)))
    assert found["small"].ap == pytest.approx(1)
    assert found["large"].ap is None
    assert [of.instances for of in found.values()] == [1, 0, 0]


def test_nothing_has_no_value():
    assert [of.ap for of in by_size(table()).values()] == [None] * 3


def sized(boxes, sides):
    """Give the images of a table, whose sides come in turn from a list."""
    names = boxes["image"].unique(maintain_order=True)
    turns = [sides[number % len(sides)] for number in range(len(names) + 1)]
    return pl.DataFrame({"image": names, "width": turns[:-1], "height": turns[1:]})


def assert_same(boxes):
    assert_equal(by_size(boxes), of_pycocotools(boxes))


def assert_equal(mine, theirs):
    for (name, own), other in zip(mine.items(), theirs, strict=True):
        assert (-1 if own.ap is None else own.ap) == pytest.approx(other, abs=1e-9), name


def of_pycocotools(boxes, sizes=SIZES, area_of=None):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    rows = boxes.to_dicts()
    images = {row["image"]: number for number, row in enumerate(rows, 1)}
    images = {name: number for number, name in enumerate(images, 1)}
    area_of = area_of or dict.fromkeys(images, 1)
    entries = [
        {
            "id": number,
            "image_id": images[row["image"]],
            "category_id": row["class"],
            "bbox": [row["x1"], row["y1"], row["x2"] - row["x1"], row["y2"] - row["y1"]],
            "area": (row["x2"] - row["x1"]) * (row["y2"] - row["y1"]) / area_of[row["image"]],
            "iscrowd": 0,
            "score": row["conf"],
            "role": row["role"],
        }
        for number, row in enumerate(rows, 1)
    ]
    wanted, seen = COCO(), COCO()
    with contextlib.redirect_stdout(io.StringIO()):
        for made, role in ((wanted, "target"), (seen, "prediction")):
            made.dataset = {
                "images": [{"id": number} for number in images.values()],
                "categories": [{"id": number} for number in range(30)],
                "annotations": [entry for entry in entries if entry["role"] == role],
            }
            made.createIndex()
        measured = COCOeval(wanted, seen, "bbox")
        measured.params.areaRng = [(0, 1e10), *sizes.values()]
        measured.params.areaRngLbl = ["all", *sizes]
        measured.evaluate()
        measured.accumulate()
    precision = measured.eval["precision"][:, :, :, 1:, -1]  # IoU, recall, class, size
    for size in range(len(sizes)):
        values = precision[:, :, :, size]
        yield values[values > -1].mean() if (values > -1).any() else -1
