"""Building a model from its yaml, and passing one image through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.core.findings import Finding, error
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds import steps
from pipeline.core.launch.kinds.kind import LaunchKind
from pipeline.core.said import said

if TYPE_CHECKING:
    from pipeline.core.dataset.report import DatasetReport


def _check(choices: Choices, model: str, report: DatasetReport | None) -> list[Finding]:
    if not model.endswith(".pt"):
        return []
    message = said("{model} holds weights: there is nothing to build.", model=model)
    return [error("build-weights", message, where="model", next=said("Choose a model yaml."))]


BUILD = LaunchKind(
    name="build",
    pipeline="slipway-build",
    description="Build a model from its yaml.",
    parameters=("model", "launch", "overrides", "experiment", "user"),
    steps=(steps.VOLUME_MOUNT, steps.BUILD),
    defaults=Choices(model="yolov8n.yaml", cfg="", data="", train=False, build=True),
    switch="build",
    result="build",
    has_form=False,
    check=_check,
)
