"""What differs between runs, from plain values."""

from __future__ import annotations

import math

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.runs.compare import differing, side_by_side, values_of, winners
from pipeline.core.errors import RunNotFound

HISTORY = {"mAP50-95": [(1, 0.2), (2, 0.6), (3, 0.5)], "train/box_loss": [(1, 3.0), (2, math.nan)]}


def test_only_what_differs_is_kept() -> None:
    params = {"lr0": {"a": 0.01, "b": 0.02}, "imgsz": {"a": 64, "b": 64}, "cos_lr": {"a": 1}}
    assert differing(params) == {"lr0": {"a": 0.01, "b": 0.02}}


def test_a_run_without_a_parameter_differs_from_one_that_has_it() -> None:
    params = {"lr0": {"a": 0.01, "b": None}}
    assert differing(params) == params
    assert differing(params, counts_missing=False) == {}


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("best", {"mAP50-95": 0.6, "train/box_loss": 3.0}),
        ("last", {"mAP50-95": 0.5}),
        (1, {"mAP50-95": 0.2, "train/box_loss": 3.0}),
        (2, {"mAP50-95": 0.6}),
        (9, {}),
    ],
)
def test_values_at_an_epoch_leave_out_what_is_no_number(
    at: str | int, expected: dict[str, float]
) -> None:
    assert values_of(HISTORY, at) == expected


def test_more_of_a_metric_wins_and_less_of_a_loss() -> None:
    values = {"a": 0.5, "b": 0.7, "c": 0.7}
    assert winners("mAP50-95", values) == {"b", "c"}
    assert winners("train/box_loss", values) == {"a"}
    assert winners("mAP50-95", {"a": 0.5, "b": 0.5}) == set()


def test_a_run_that_is_gone_hides_no_other(here: Installation) -> None:
    found = side_by_side(here, ["20260101-0000-gone-xxxx"])
    assert found.runs == {}
    assert isinstance(found.missing["20260101-0000-gone-xxxx"], RunNotFound)
