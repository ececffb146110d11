from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.mistakes.matching import Matched, judged
from pipeline.core.mistakes.pairs import corners
from pipeline.core.mistakes.table import FATES
from tests.core.mistakes.tables import TABLES, drawn, table

BOX = (100, 100, 200, 200)
NEAR = (100, 100, 200, 130)  # IoU 0.3
FAR = (400, 400, 450, 450)


def fates(*rows, **given):
    return judged(table(*rows), **given)["fate"].to_list()


def test_a_prediction_of_the_targets_class_on_it_is_right():
    rows = judged(table(("a", "target", 1, None, BOX), ("a", "prediction", 1, 0.9, BOX)))
    assert rows["fate"].to_list() == ["right", "right"]
    assert rows["partner"].to_list() == [1, 0]
    assert rows["iou"].to_list() == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("of", "box", "fate", "of_target"),
    [
        (2, BOX, "wrong_class", "wrong_class"),
        (1, NEAR, "badly_placed", "badly_placed"),
        (2, NEAR, "both", "missed"),
        (1, FAR, "background", "missed"),
    ],
)
def test_a_prediction_that_is_not_right_has_its_kind(of, box, fate, of_target):
    rows = (("a", "target", 1, None, BOX), ("a", "prediction", of, 0.9, box))
    assert fates(*rows) == [of_target, fate]


def test_a_second_box_on_a_target_is_doubled_or_of_the_wrong_class():
    rows = judged(
        table(
            ("a", "target", 1, None, BOX),
            ("a", "prediction", 1, 0.9, BOX),
            ("a", "prediction", 1, 0.8, BOX),
            ("a", "prediction", 2, 0.7, BOX),
        )
    )
    assert rows["fate"].to_list() == ["right", "right", "doubled", "wrong_class"]
    assert rows["partner"].to_list() == [1, 0, None, None]


def test_a_box_of_its_own_class_that_came_late_is_doubled():
    target, other = ("a", "target", 1, None, BOX), ("a", "prediction", 2, 0.9, BOX)
    late = ("a", "prediction", 1, 0.8, BOX)
    assert fates(target, other, late) == ["wrong_class", "wrong_class", "doubled"]


def test_a_prediction_that_is_not_more_confident_than_asked_has_no_fate():
    rows = (("a", "target", 1, None, BOX), ("a", "prediction", 1, 0.25, BOX))
    assert fates(*rows, conf=0.25) == ["missed", None]
    assert fates(*rows, conf=0.2) == ["right", "right"]


def test_images_do_not_meet():
    rows = (("a/1.jpg", "target", 1, None, BOX), ("b/1.jpg", "prediction", 1, 0.9, BOX))
    assert fates(*rows) == ["missed", "background"]


def test_nothing_at_all_is_judged_too():
    assert judged(table()).is_empty()
    assert judged(table()).columns[-3:] == ["partner", "iou", "fate"]


@settings(max_examples=60, deadline=None)
@given(TABLES, st.sampled_from((0.001, 0.25, 0.601)), st.sampled_from((0.3, 0.45, 0.5)))
def test_sums_are_ultralytics_confusion_matrix_cell_by_cell(boxes, conf, iou):
    labels = 30
    assert (cells(judged(boxes, conf=conf, iou=iou), labels) == theirs(boxes, conf, iou)).all()


@settings(max_examples=60, deadline=None)
@given(TABLES, st.sampled_from((0.001, 0.25)), st.sampled_from((0.3, 0.45)))
def test_fates_are_those_of_the_plain_rules(boxes, conf, iou):
    rows = judged(boxes, conf=conf, iou=iou)
    assert rows["fate"].to_list() == plainly(boxes, rows["partner"].to_list(), conf, iou)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.sampled_from((0.001, 0.25, 0.601, 0.999)), st.sampled_from((0.3, 0.45)))
def test_what_was_matched_for_all_confidences_is_what_is_judged_at_one(boxes, conf, iou):
    assert Matched(boxes, least=0, iou=iou).at(conf).equals(judged(boxes, conf=conf, iou=iou))


@settings(max_examples=30, deadline=None)
@given(TABLES)
def test_all_targets_and_all_predictions_that_count_have_one_fate_and_partners_are_mutual(boxes):
    rows = judged(boxes)
    counts = (rows["role"] == "target") | (rows["conf"] > 0.25)
    assert (rows["fate"].is_not_null() == counts.fill_null(False)).all()
    partner = rows["partner"].to_list()
    assert all(partner[other] == row for row, other in enumerate(partner) if other is not None)
    lone = rows.filter(pl.col("fate") == "right")["partner"]
    assert lone.null_count() == 0


def test_it_does_not_matter_how_many_pairs_are_looked_at_together(monkeypatch):
    boxes = drawn(1, images=20, targets=40)
    whole = judged(boxes)
    monkeypatch.setattr("pipeline.core.mistakes.pairs._AT_ONCE", 7)
    assert judged(boxes).equals(whole)


def cells(rows, labels):
    """Count rows by the classes of both sides; the last is background."""
    counts = np.zeros((labels + 1, labels + 1), dtype=int)
    of = rows["class"].to_list()
    for row in rows.with_row_index().filter(pl.col("fate").is_not_null()).iter_rows(named=True):
        other = labels if row["partner"] is None else of[row["partner"]]
        if row["role"] == "target":
            counts[other, row["class"]] += 1
        elif row["partner"] is None:
            counts[row["class"], labels] += 1
    return counts


def theirs(boxes, conf, iou, labels=30):
    import torch
    from ultralytics.utils.metrics import ConfusionMatrix

    matrix = ConfusionMatrix({number: str(number) for number in range(labels)})
    for (_,), rows in boxes.group_by("image", maintain_order=True):
        seen, wanted = (
            {
                "cls": torch.tensor(some["class"].to_list(), dtype=torch.float32),
                "bboxes": torch.tensor(corners(some)),
                "conf": torch.tensor(some["conf"].fill_null(0).to_list(), dtype=torch.float32),
            }
            for some in (rows.filter(role="prediction"), rows.filter(role="target"))
        )
        matrix.process_batch(seen, wanted, conf=conf, iou_thres=iou)
    return matrix.matrix.astype(int)


def plainly(boxes, partner, conf, iou):
    """Say the fates one box after the other, in the words of the docstring."""
    rows = boxes.to_dicts()
    found = [None] * len(rows)
    least, most = np.float32(0.1), np.float32(iou)
    of_image: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        if row["role"] == "target":
            of_image.setdefault(row["image"], []).append(number)
            found[number] = "missed"
    for number, row in enumerate(rows):
        if partner[number] is not None:
            same = rows[partner[number]]["class"] == row["class"]
            found[number] = "right" if same else "wrong_class"
        elif row["role"] == "prediction" and np.float32(row["conf"]) > np.float32(conf):
            targets = of_image.get(row["image"], [])
            own = [(shared(rows[t], row), -t) for t in targets if rows[t]["class"] == row["class"]]
            other = [shared(rows[t], row) for t in targets if rows[t]["class"] != row["class"]]
            best, at = max(own, default=(0, 0))
            most_other = max(other, default=0)
            if least <= best <= most:
                found[number] = "badly_placed"
                if partner[-at] is None:
                    found[-at] = "badly_placed"
            elif most_other > most:
                found[number] = "wrong_class"
            elif best > most:
                found[number] = "doubled"
            else:
                found[number] = "both" if most_other > least else "background"
    assert set(found) <= {None, *FATES}
    return found


def shared(one, other):
    a, b = (np.array([r["x1"], r["y1"], r["x2"], r["y2"]], np.float32) for r in (one, other))
    sides = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    both = sides[0] * sides[1]
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return both / (areas[0] + areas[1] - both + np.float32(1e-7))
