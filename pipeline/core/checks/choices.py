"""What does not go together in a launch's choices: its switches, the data's splits, its names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.core.findings import Finding, error, info, warning
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds.kind import LaunchKind
from pipeline.core.launch.kinds.registry import kind_of
from pipeline.core.said import said
from pipeline.core.space.text import is_inline

if TYPE_CHECKING:
    from pipeline.core.dataset.report import DatasetReport

_MAX_NAME = 200


def check_splits(cfg: Mapping[str, Any], report: DatasetReport, kind: LaunchKind) -> list[Finding]:
    """Check what the cfg and the steps ask of the dataset's splits and classes."""
    findings = []
    if not report.splits:
        return []  # the dataset's own findings say why
    chooses_test = kind.has_step("test") and not kind.takes("test_split")
    if chooses_test and "test" not in report.splits:
        findings.append(
            warning(
                "no-test-split",
                said("the data has no test split; the test step measures on val."),
                where="data",
                next=said("Add 'test:' to the data yaml for numbers on unseen images."),
            )
        )
    split = cfg["split"]
    if split in ("train", "test") and split not in report.splits:
        message = said("'split: {split}' is not a split of the data.", split=split)
        findings.append(
            error("split-not-there", message, where="cfg", next=said("Use split: val."))
        )
    classes = cfg["classes"] if isinstance(cfg["classes"], list) else [cfg["classes"]]
    unknown = [entry for entry in classes if entry is not None and entry not in report.names]
    if unknown and report.names and not cfg["single_cls"]:
        message = said(
            "'classes' names {unknown}, but the data has the ids 0 to {last}.",
            unknown=unknown,
            last=len(report.names) - 1,
        )
        findings.append(
            error("class-missing", message, where="cfg", next=said("Correct 'classes'."))
        )
    return findings


def check_flags(choices: Choices) -> list[Finding]:
    """Check switches that depend on each other, and the names of experiment and launch."""
    findings = []
    if choices.tune and not choices.train:
        findings.append(
            error(
                "tune-without-train",
                said("tuning starts from the trained weights, so it needs training."),
                where="tune",
                next=said("Switch training on, or tuning off."),
            )
        )
    if choices.tune_space and not choices.tune:
        message = said("the search space is not used: tuning is off.")
        if not is_inline(choices.tune_space):
            message = said(
                "the search space '{name}' is not used: tuning is off.", name=choices.tune_space
            )
        findings.append(info("space-unused", message, where="tune_space"))
    if kind_of(choices).takes("train") and not choices.train and choices.overrides:
        message = said("the overrides have no effect: training is off.")
        findings.append(info("overrides-unused", message, where="overrides"))
    for name, value in (("experiment", choices.experiment), ("name", choices.name)):
        if name == "experiment" and not value.strip():
            message = said("the experiment has no name.")
            findings.append(
                error("experiment-name", message, where=name, next=said("Give it a name."))
            )
        elif len(value) > _MAX_NAME or not value.isprintable():
            message = said(
                "the {name} has line breaks, or more than {most} characters.",
                name=name,
                most=_MAX_NAME,
            )
            findings.append(error(f"{name}-name", message, where=name, next=said("Shorten it.")))
    return findings
