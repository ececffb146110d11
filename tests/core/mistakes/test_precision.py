from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from pipeline.core.mistakes.pairs import corners
from pipeline.core.mistakes.precision import precision_of
from tests.core.mistakes.tables import TABLES, drawn, table


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_precision_recall_and_map_are_ultralytics(boxes):
    mine, theirs = precision_of(boxes), of_ultralytics(boxes)
    assert mine.ap.shape == theirs[5].shape
    assert mine.classes.tolist() == theirs[6].tolist()
    assert mine.ap == pytest.approx(theirs[5], abs=1e-9)
    for own, other in zip((mine.precision, mine.recall, mine.f1), theirs[7:10], strict=True):
        assert own == pytest.approx(other, abs=1e-9)
    for own, other in zip((mine.precision, mine.recall), theirs[2:4], strict=True):
        assert own[:, mine.best] == pytest.approx(other, abs=1e-9)


def test_the_summary_is_the_means_over_classes_that_have_targets():
    boxes = drawn(3, images=30, classes=30)
    theirs = of_ultralytics(boxes)
    assert precision_of(boxes).summary() == pytest.approx(
        {
            "precision": theirs[2].mean(),
            "recall": theirs[3].mean(),
            "mAP50": theirs[5][:, 0].mean(),
            "mAP50-95": theirs[5].mean(),
        }
    )


def test_nothing_measures_zero():
    assert set(precision_of(table()).summary().values()) == {0.0}


def of_ultralytics(boxes):
    import torch
    from ultralytics.models.yolo.detect import DetectionValidator
    from ultralytics.utils.metrics import ap_per_class, box_iou

    validator = DetectionValidator.__new__(DetectionValidator)
    validator.iouv = torch.linspace(0.5, 0.95, 10)
    found = [np.zeros((0, 10), dtype=bool)]
    for _, rows in boxes.group_by("image", maintain_order=True):
        wanted, seen = rows.filter(role="target"), rows.filter(role="prediction")
        iou = box_iou(torch.tensor(corners(wanted)), torch.tensor(corners(seen)))
        classes = (torch.tensor(some["class"].to_list()) for some in (seen, wanted))
        found.append(validator.match_predictions(*classes, iou).numpy())
    seen = boxes.filter(role="prediction")
    return ap_per_class(
        np.concatenate(found),
        seen["conf"].to_numpy(),
        seen["class"].to_numpy(),
        boxes.filter(role="target")["class"].to_numpy(),
    )
