from __future__ import annotations

import pytest

from pipeline.core.mistakes.precision import precision_of
from pipeline.core.mistakes.threshold import best_of_all, best_of_classes, by_name
from tests.core.mistakes.tables import drawn, table

BOX = (100, 100, 200, 200)
FAR = (400, 400, 450, 450)


def test_false_alarms_that_are_less_sure_are_cut_off():
    measured = precision_of(
        table(
            ("a", "target", 0, None, BOX),
            ("a", "prediction", 0, 0.9, BOX),
            ("a", "prediction", 0, 0.3, FAR),
        )
    )
    best = best_of_all(measured)
    assert 0.3 < best.conf < 0.9
    assert (best.precision, best.recall, best.f1) == pytest.approx((1, 1, 1), abs=0.1)
    assert by_name(best_of_classes(measured), ["only"]) == {"only": best}


def test_the_best_of_all_has_the_precision_and_recall_of_the_test():
    measured = precision_of(drawn(4, images=30))
    best, summary = best_of_all(measured), measured.summary()
    assert (best.precision, best.recall) == (summary["precision"], summary["recall"])


def test_a_class_without_targets_has_no_threshold():
    measured = precision_of(table(("a", "prediction", 0, 0.9, BOX)))
    assert best_of_all(measured) is None
    assert by_name(best_of_classes(measured), ["a", "b"]) == {"a": None, "b": None}
