"""Build, and nothing else."""

from __future__ import annotations

from pipeline.core.launch.kinds import steps
from pipeline.workflow.kinds.adding import Add, Given


def add_steps(add: Add, given: Given) -> None:
    """Add the step."""
    add(steps.BUILD, model_name=given["model_name"], overrides=given["overrides"])
