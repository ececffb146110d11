"""Verify, distribution, plot, then train, test and tune."""

from __future__ import annotations

from typing import Any

from kfp import dsl

from pipeline.core.launch.kinds import steps
from pipeline.workflow.kinds.adding import Add, Given


def add_steps(add: Add, given: Given) -> None:
    """Add the steps; train and what follows it, and tune, are conditions."""
    verify = add(steps.VERIFY, **given)
    plot = _look_at_data(add, verify)
    with dsl.Condition(given["bool_train"] == True, "train"):  # noqa: E712 - kfp's DSL compares so
        weights, test = _train_and_test(add, verify, plot)
        with dsl.Condition(given["bool_tune"] == True, "tune"):  # noqa: E712
            add(steps.TUNE, **weights).after(test)


def _look_at_data(add: Add, verify: Any) -> Any:
    data_yaml = verify.outputs["data_yaml"]
    counts = add(steps.DISTRIBUTION, data_yaml=data_yaml).after(verify)
    drawn = {name: counts.outputs[name] for name in ("result_json", "cls_names_json")}
    return add(steps.PLOT, **drawn).after(counts)


def _train_and_test(add: Add, verify: Any, plot: Any) -> tuple[dict[str, Any], Any]:
    checked = {name: verify.outputs[name] for name in ("model_path", "cfg_yaml", "data_yaml")}
    train = add(steps.TRAIN, **checked).after(plot)
    weights = {name: train.outputs[name] for name in ("last_pt", "best_pt", "data_yaml")}
    return weights, add(steps.TEST, **weights).after(train)
