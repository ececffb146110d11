from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given, settings

from pipeline.core.mistakes.size import by_size
from tests.core.mistakes.tables import TABLES, drawn, table


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_ap_by_size_is_that_of_pycocotools(boxes):
    assert_same(boxes)


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


def assert_same(boxes):
    mine, theirs = by_size(boxes), of_pycocotools(boxes)
    for (name, own), other in zip(mine.items(), theirs, strict=True):
        assert (-1 if own.ap is None else own.ap) == pytest.approx(other, abs=1e-9), name


def of_pycocotools(boxes):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    rows = boxes.to_dicts()
    images = {row["image"]: number for number, row in enumerate(rows, 1)}
    images = {name: number for number, name in enumerate(images, 1)}
    entries = [
        {
            "id": number,
            "image_id": images[row["image"]],
            "category_id": row["class"],
            "bbox": [row["x1"], row["y1"], row["x2"] - row["x1"], row["y2"] - row["y1"]],
            "area": (row["x2"] - row["x1"]) * (row["y2"] - row["y1"]),
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
        measured.evaluate()
        measured.accumulate()
    precision = measured.eval["precision"][:, :, :, 1:, -1]  # IoU, recall, class, size
    for size in range(3):
        values = precision[:, :, :, size]
        yield values[values > -1].mean() if (values > -1).any() else -1
