"""Measuring weights that there are already."""

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
    findings = []
    if choices.train:
        message = said("a test of weights does not train.")
        findings.append(
            error("test-trains", message, where="train", next=said("Switch training off."))
        )
    if model and not model.endswith(".pt"):
        message = said("{model} is an architecture: it has no weights to test.", model=model)
        findings.append(
            error("test-weights", message, where="model", next=said("Choose a .pt file."))
        )
    splits = list(report.splits) if report else []
    if splits and choices.test_split not in splits:
        message = said("'{test_split}' is not a split of the data.", test_split=choices.test_split)
        hint = said("Choose one of {names}.", names=", ".join(splits))
        findings.append(error("split-not-there", message, where="test_split", next=hint))
    return findings


TEST = LaunchKind(
    name="test",
    pipeline="slipway-test",
    description="Check the data, test weights.",
    parameters=(
        *("model", "cfg", "data", "test_split"),
        *("launch", "overrides", "experiment", "user"),
    ),
    steps=(steps.VOLUME_MOUNT, steps.VERIFY, steps.TEST),
    defaults=Choices(train=False, test_split="val"),
    switch="test_split",
    check=_check,
)
