from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given

from pipeline.core.mistakes.labels import doubtful
from tests.core.mistakes.spoiled import spoiled
from tests.core.mistakes.tables import TABLES, table

BOX = (100, 100, 200, 200)
NEAR = (140, 100, 240, 200)
FAR = (400, 400, 500, 500)


def test_a_confident_prediction_where_no_label_is_asks_for_one() -> None:
    found = doubtful(table(("a", "prediction", 1, 0.9, BOX)))
    assert found.select("row", "kind", "against").rows() == [(0, "missing", 0)]
    assert found["score"][0] == pytest.approx(0.9)


def test_two_predictions_of_one_object_ask_once() -> None:
    rows = (("a", "prediction", 1, 0.9, BOX), ("a", "prediction", 2, 0.8, BOX))
    assert doubtful(table(*rows))["row"].to_list() == [0]


def test_a_confident_prediction_of_another_class_doubts_the_class() -> None:
    rows = (("a", "target", 0, None, BOX), ("a", "prediction", 1, 0.9, BOX))
    found = doubtful(table(*rows, ("a", "prediction", 0, 0.05, BOX)))
    assert found.select("row", "kind", "against").rows() == [(0, "class", 1)]


def test_classes_that_the_model_often_confuses_are_doubted_less_than_those_it_tells_apart() -> None:
    rows = [
        (f"{name}{told}", role, of, conf, BOX)
        for told, seen in ((0, 1), (2, 2))
        for name in "abcdefghijklmnopqrst"
        for role, of, conf in (("target", told, None), ("prediction", seen, 0.9))
    ]
    rows += [("z", "target", 2, None, BOX), ("z", "prediction", 1, 0.9, BOX)]
    found = doubtful(table(*rows), is_ranking=True).filter(pl.col("kind") == "class")
    assert found["row"][0] == len(rows) - 2
    assert found["score"][0] > 2 * found["score"][1]


def test_a_prediction_that_overlaps_the_label_only_in_part_doubts_the_box() -> None:
    rows = (("a", "target", 0, None, BOX), ("a", "prediction", 0, 0.9, NEAR))
    assert doubtful(table(*rows)).select("row", "kind", "against").rows() == [(0, "box", 1)]


def test_a_label_that_nothing_predicts_is_spurious_where_such_are_found_else() -> None:
    found = [
        (name, role, 0, conf, BOX)
        for name in "abcdefghij"
        for role, conf in (("target", None), ("prediction", 0.9))
    ]
    rows = doubtful(table(*found, ("z", "target", 0, None, FAR)))
    assert rows.select("row", "kind", "against").rows() == [(20, "spurious", None)]
    assert not len(doubtful(table(("z", "target", 0, None, FAR))))


@given(TABLES)
def test_labels_come_once_by_scores_from_0_to_1(boxes: pl.DataFrame) -> None:
    found = doubtful(boxes)
    assert found["row"].is_unique().all()
    assert found["score"].is_between(0.3, 1.01).all()  # some confidences here are 1.001
    assert found["score"].is_sorted(descending=True)
    is_target = (boxes["role"] == "target").gather(found["row"])
    assert (is_target == (found["kind"] != "missing")).all()


@given(TABLES)
def test_a_ranking_has_every_label_and_begins_with_those_that_are_doubted(
    boxes: pl.DataFrame,
) -> None:
    ranking, found = doubtful(boxes, is_ranking=True), doubtful(boxes)
    targets = ranking.filter(pl.col("kind") != "missing")["row"]
    assert sorted(targets) == (boxes["role"] == "target").arg_true().to_list()
    assert ranking["score"].is_sorted(descending=True)
    assert found["score"].to_list() == ranking["score"].head(len(found)).to_list()


@pytest.mark.parametrize("is_ranking", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_most_spoiled_labels_are_in_the_first_tenth(seed: int, is_ranking: bool) -> None:
    """As many rows as a tenth of the labels, of which a twentieth is spoiled in four ways."""
    split = spoiled(seed)
    ranking = doubtful(split.boxes, is_ranking=is_ranking)
    assert split.found(ranking["row"].head(split.labels // 10)) >= 0.8
