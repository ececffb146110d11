from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.mistakes.hits import hits
from pipeline.core.mistakes.operating import (
    BEST_F1,
    COST,
    PRECISION,
    RECALL,
    WISHES,
    curves_of,
    point_of,
)
from pipeline.core.mistakes.precision import CONFIDENCES, measured
from tests.core.mistakes.tables import TABLES, table

BOX, OTHER = (100, 100, 200, 200), (300, 300, 360, 360)
FAR = (400, 400, 450, 450)


def curves(boxes, class_id=None):
    seen = hits(boxes)
    return curves_of(measured(seen), seen, class_id)


@pytest.fixture
def one_found_one_less_sure():
    """Hits at 0.9 and 0.3, and a false alarm of a class without targets at 0.6."""
    return table(
        ("a", "target", 0, None, BOX),
        ("a", "target", 0, None, OTHER),
        ("a", "prediction", 0, 0.9, BOX),
        ("a", "prediction", 1, 0.6, FAR),
        ("a", "prediction", 0, 0.3, OTHER),
    )


def test_misses_and_false_alarms_are_counted_at_each_confidence(one_found_one_less_sure):
    found = curves(one_found_one_less_sure)
    at = [int(np.abs(CONFIDENCES - conf).argmin()) for conf in (0.1, 0.5, 0.7, 0.95)]
    assert found.missed[at].tolist() == [0, 1, 1, 2]
    assert found.alarms[at].tolist() == [1, 1, 0, 0]


def test_false_alarms_of_another_class_do_not_count_for_a_class(one_found_one_less_sure):
    assert not curves(one_found_one_less_sure, 0).alarms.any()


@pytest.mark.parametrize(("a_miss_costs", "below"), [(0.5, 0.9), (5, 0.3)])
def test_dear_misses_ask_for_a_lower_confidence(one_found_one_less_sure, a_miss_costs, below):
    point = point_of(curves(one_found_one_less_sure), COST, a_miss_costs)
    assert CONFIDENCES[point] <= below
    assert (CONFIDENCES[point] > 0.3) == (a_miss_costs < 1)


@given(TABLES, st.floats(0.01, 1))
def test_a_wish_is_fulfilled_as_well_as_any_confidence_does(boxes, least):
    seen = hits(boxes)
    if not len(seen.target_of):
        return
    found = curves_of(measured(seen), seen)
    for wish, wanted, other in (
        (PRECISION, found.precision, found.recall),
        (RECALL, found.recall, found.precision),
    ):
        point = point_of(found, wish, least)
        allowed = (wanted >= least) & (found.recall > 0)
        assert (point is None) == (not allowed.any())
        if point is not None:
            assert wanted[point] >= least
            assert other[point] == other[allowed].max()
    point = point_of(found, COST, 3.0)
    assert 3 * found.missed[point] + found.alarms[point] <= (3 * found.missed + found.alarms).min()


def test_every_wish_is_answered_where_nothing_was_found():
    found = curves(table(("a", "target", 0, None, BOX)))
    points = {wish: point_of(found, wish, 0.5) for wish in WISHES}
    assert points[BEST_F1] is None and points[PRECISION] is None and points[RECALL] is None
    assert all(points[wish] is not None for wish in ("cost", "chosen"))


def test_no_point_is_below_what_the_test_kept(one_found_one_less_sure):
    seen = hits(one_found_one_less_sure)
    found = curves_of(measured(seen), seen, least=0.5)
    points = [point_of(found, wish, 0.01) for wish in WISHES]
    assert all(CONFIDENCES[point] >= 0.5 for point in points)
