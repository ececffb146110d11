"""Verify, and test with weights that there are already."""

from __future__ import annotations

from pipeline.core.launch.kinds import steps
from pipeline.workflow.kinds.adding import Add, Given


def add_steps(add: Add, given: Given) -> None:
    """Add the steps."""
    asked = {name: value for name, value in given.items() if name != "split"}
    verify = add(steps.VERIFY, **asked, bool_train=False, bool_tune=False, tune_space="")
    weights, data_yaml = (verify.outputs[name] for name in ("model_path", "data_yaml"))
    inputs = {"last_pt": weights, "best_pt": weights, "data_yaml": data_yaml}
    add(steps.TEST, **inputs, split=given["split"]).after(verify)
