from __future__ import annotations

from pipeline.tracking.summary import summary


def test_a_run_that_detected_nothing_has_no_best_epoch() -> None:
    history = {"mAP50-95": [(1, 0.0), (2, 0.0)], "val/box_loss": [(1, 0.0), (2, 0.1)]}
    assert summary(history) == {
        "mAP50-95": {"best": 0.0, "best_epoch": None, "last": 0.0},
        "val/box_loss": {"best": 0.0, "best_epoch": 1, "last": 0.1},
    }


def test_the_first_of_equal_epochs_is_the_best() -> None:
    told = summary({"mAP50-95": [(1, 0.1), (2, 0.3), (3, 0.3)]})
    assert told["mAP50-95"]["best_epoch"] == 2
