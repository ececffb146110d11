from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings

from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.sums import counts, images, images_of_cell, matrix
from tests.core.mistakes.tables import TABLES, table
from tests.core.mistakes.test_matching import theirs

BOX = (100, 100, 200, 200)
FAR = (400, 400, 450, 450)
NAMES = [str(number) for number in range(30)]
ROWS = (
    ("a/1.jpg", "target", 0, None, BOX),
    ("a/1.jpg", "prediction", 0, 0.9, BOX),
    ("b/1.jpg", "target", 0, None, BOX),
    ("b/1.jpg", "target", 1, None, FAR),
    ("b/1.jpg", "prediction", 1, 0.9, BOX),
)


@settings(max_examples=40, deadline=None)
@given(TABLES)
def test_the_matrix_is_ultralytics_with_a_row_for_each_target_label(boxes):
    found = matrix(judged(boxes), NAMES)
    assert found["labels"] == [*NAMES, "background"]
    assert found["counts"] == theirs(boxes, 0.25, 0.45).T.tolist()


@settings(max_examples=40, deadline=None)
@given(TABLES)
def test_counts_hold_each_prediction_once_and_images_sum_up_to_them(boxes):
    rows = judged(boxes)
    found = counts(rows)
    seen = (boxes["conf"] > 0.25).sum()
    assert sum(found.values()) - found["missed"] == seen
    of_images = images(rows, boxes.select("image").unique())
    assert {fate: of_images[fate].sum() for fate in found} == found


@settings(max_examples=40, deadline=None)
@given(TABLES)
def test_the_images_of_a_cell_have_what_the_cell_counts(boxes):
    rows = judged(boxes)
    cells = matrix(rows, NAMES)["counts"]
    for target, predicted in ((0, 0), (0, 1), (1, None), (None, 0)):
        found = images_of_cell(rows, target, predicted)
        row, column = (len(NAMES) if of is None else of for of in (target, predicted))
        assert found["count"].sum() == cells[row][column]
        assert found["image"].n_unique() == len(found)


def test_what_is_right_wrong_and_missed_is_counted():
    found = {fate: count for fate, count in counts(judged(table(*ROWS))).items() if count}
    assert found == {"right": 1, "wrong_class": 1, "missed": 1}


def test_the_worst_images_come_first_and_those_without_boxes_are_there():
    every = pl.DataFrame(
        {"image": ["c.jpg", "b/1.jpg", "a/1.jpg"], "width": [5, 6, 7]},
        schema_overrides={"image": pl.Categorical},
    )
    found = images(judged(table(*ROWS)), every)
    assert found["image"].to_list() == ["b/1.jpg", "a/1.jpg", "c.jpg"]
    assert found["width"].to_list() == [6, 7, 5]
    assert found.select("targets", "right", "missed").rows() == [(2, 0, 1), (1, 1, 0), (0, 0, 0)]


@pytest.mark.parametrize("given", [counts, lambda rows: matrix(rows, [])])
def test_nothing_can_be_counted(given):
    assert given(judged(table()))
