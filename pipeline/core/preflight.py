"""Everything that would stop or spoil a run, found before it starts.

The form, the command line and the verify step all ask `preflight`; nothing is asked of a service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.core.advice import Advice, advise, taken
from pipeline.core.batch_check import check_last_batch
from pipeline.core.errors import FileMissing, InputError, SlipwayError, UnsafePath
from pipeline.core.findings import Finding, error, has_errors, info, ordered, warning
from pipeline.core.launch import Choices
from pipeline.core.model_yaml import check_model
from pipeline.core.resources import check_resources
from pipeline.core.search_space import check_space
from pipeline.core.train_cfg import check_cfg, effective_cfg
from pipeline.core.volume import Kind, Resolved, Volume
from pipeline.core.yaml_file import YamlFile, load_yaml

if TYPE_CHECKING:
    from pipeline.core.dataset import DatasetReport

_T = TypeVar("_T")
_FIELDS = {"model": "model_path", "cfg": "cfg_yaml", "data": "data_yaml", "tune": "tune_yaml"}
_MAX_NAME = 200


@dataclass(frozen=True)
class Preflight:
    """What preflight found out.

    Parameters
    ----------
    findings
        Errors first.
    resolved
        ``model_path``, ``cfg_yaml``, ``data_yaml`` (and ``tune_yaml`` when a space is named),
        relative to the volume; what was not found is missing.
    report
        What the dataset holds; None when the data yaml was not found.
    scale
        Scale of a model yaml, else empty.
    cfg
        The effective cfg; None when it has mistakes.
    advice
        What the dataset's figures suggest for the settings.
    taken
        Advice that the overrides follow.
    """

    findings: list[Finding] = field(default_factory=list)
    resolved: dict[str, str] = field(default_factory=dict)
    report: DatasetReport | None = None
    scale: str = ""
    cfg: Mapping[str, Any] | None = None
    advice: tuple[Advice, ...] = ()
    taken: tuple[Advice, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing stops the launch."""
        return not has_errors(self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Give the JSON document that the command line prints."""
        findings = [finding.as_dict() for finding in self.findings]
        advice = [entry.as_dict() for entry in self.advice]
        return {"ok": self.ok, "resolved": self.resolved, "findings": findings, "advice": advice}


def preflight(
    volume: Volume,
    choices: Choices,
    *,
    deep: bool = False,
    gpus: int | None = None,
    index_folder: Path | None = None,
) -> Preflight:
    """Check a launch's choices; nothing is written, no weights are opened, nothing is raised.

    Parameters
    ----------
    volume
        Where the files are.
    choices
        As the form or the command line gives them.
    deep
        Also open every image.
    gpus
        How many GPUs there are; None when that is not known.
    index_folder
        Where is kept what was read of datasets; see `inspect_dataset`.
    """
    findings: list[Finding] = []
    found = _resolve_all(volume, choices, findings)
    cfg_file = _load(volume, found.get("cfg"), "cfg", findings)
    overrides = dict(choices.overrides)
    cfg: Mapping[str, Any] | None = None
    is_sound = False
    if cfg_file:
        mistakes = check_cfg(cfg_file, overrides)
        findings += mistakes
        is_sound = not has_errors(mistakes)  # only then can be calculated with the values
        cfg = effective_cfg(cfg_file.text, overrides)
    else:  # whether the optimizer is auto is then not known
        bare = YamlFile("cfg", "", {"optimizer": "SGD"}, {})
        findings += check_cfg(bare, overrides)

    report = _inspect(volume, found.get("data"), deep, index_folder, findings)
    scale = ""
    if "model" in found:
        model, scale = check_model(volume, found["model"], report.names if report else None)
        findings += model
    if cfg and report:
        findings += _check_splits(cfg, report, is_whole=not choices.test_split)
        train = report.splits.get("train")
        if choices.train and train and is_sound:
            used = train.images - train.dropped_images
            findings += check_last_batch(cfg, used, choices.gpus)
    findings += _check_flags(choices)
    if choices.test_split:
        path = found["model"].path if "model" in found else ""
        findings += _check_test(choices, path, report)
    space = _load(volume, found.get("tune"), "tune_space", findings)
    findings += check_space(space, cfg, overrides) if space else []
    findings += check_resources(volume, choices, cfg if is_sound else None, gpus)
    resolved = {_FIELDS[kind]: entry.path for kind, entry in found.items()}
    advice: list[Advice] = []
    followed: list[Advice] = []
    if choices.train and report and is_sound and cfg_file and cfg:
        advice = advise(report, cfg, _searched(space))
        followed = taken(report, cfg, effective_cfg(cfg_file.text, {}), overrides)
    return Preflight(
        findings=ordered(findings),
        resolved=resolved,
        report=report,
        scale=scale,
        cfg=cfg if is_sound else None,
        advice=tuple(advice),
        taken=tuple(followed),
    )


def _searched(space: YamlFile | None) -> set[str]:
    keys = space.data.get("space") if space else None
    return {str(key) for key in keys} if isinstance(keys, dict) else set()


def _resolve_all(volume: Volume, choices: Choices, findings: list[Finding]) -> dict[Kind, Resolved]:
    names: dict[Kind, str] = {"model": choices.model, "cfg": choices.cfg, "data": choices.data}
    if choices.tune and choices.tune_space:
        names["tune"] = choices.tune_space
    found: dict[Kind, Resolved] = {}
    for kind, name in names.items():
        where = "tune_space" if kind == "tune" else kind
        entry = _caught(partial(volume.resolve, kind, name), where, findings)
        if entry:
            found[kind] = entry
            if entry.note:
                findings.append(info("several-fit", entry.note, where=where))
    return found


def _load(
    volume: Volume, found: Resolved | None, where: str, findings: list[Finding]
) -> YamlFile | None:
    if found is None:
        return None
    return _caught(lambda: load_yaml(volume.path(found.path), shown_as=found.path), where, findings)


def _caught(action: Callable[[], _T], where: str, findings: list[Finding]) -> _T | None:
    """Turn what is wrong with a person's input into findings."""
    try:
        return action()
    except InputError as reason:
        code = "unsafe-path" if isinstance(reason, UnsafePath) else "bad-file"
        findings += reason.findings or [_finding(code, reason, where)]
    except FileMissing as reason:
        findings.append(_finding("file-missing", reason, where))
    except OSError as reason:  # such as a name that is too long for the file system
        message = f"it cannot be read: {reason.strerror}."
        findings.append(error("bad-file", message, where=where, next="Choose another file."))
    return None


def _finding(code: str, reason: SlipwayError, where: str) -> Finding:
    has_line = ":" in reason.where or "." in reason.where  # a file, not the field that named it
    at = reason.where if has_line else where
    return error(code, reason.message, where=at, next=reason.next)


def _inspect(
    volume: Volume,
    found: Resolved | None,
    deep: bool,
    index_folder: Path | None,
    findings: list[Finding],
) -> DatasetReport | None:
    if found is None:
        return None
    # polars and pillow are only needed here, and the cfg part of this module is used without them
    from pipeline.core.dataset import inspect_dataset

    inspect = partial(inspect_dataset, deep=deep, index_folder=index_folder)
    report = _caught(partial(inspect, volume, found.path), "data", findings)
    findings += report.findings if report else []
    return report


def _check_splits(
    cfg: Mapping[str, Any], report: DatasetReport, *, is_whole: bool
) -> list[Finding]:
    """Check what the cfg and the steps ask of the dataset's splits and classes."""
    findings = []
    if not report.splits:
        return []  # the dataset's own findings say why
    if is_whole and "test" not in report.splits:
        findings.append(
            warning(
                "no-test-split",
                "the data has no test split; the test step measures on val.",
                where="data",
                next="Add 'test:' to the data yaml for numbers on unseen images.",
            )
        )
    split = cfg["split"]
    if split in ("train", "test") and split not in report.splits:
        message = f"'split: {split}' is not a split of the data."
        findings.append(error("split-not-there", message, where="cfg", next="Use split: val."))
    classes = cfg["classes"] if isinstance(cfg["classes"], list) else [cfg["classes"]]
    unknown = [entry for entry in classes if entry is not None and entry not in report.names]
    if unknown and report.names:
        message = (
            f"'classes' names {unknown}, but the data has the ids 0 to {len(report.names) - 1}."
        )
        findings.append(error("class-missing", message, where="cfg", next="Correct 'classes'."))
    return findings


def _check_test(choices: Choices, model: str, report: DatasetReport | None) -> list[Finding]:
    """Check what a launch needs that only measures weights."""
    findings = []
    if choices.train:
        message = "a test of weights does not train."
        findings.append(error("test-trains", message, where="train", next="Switch training off."))
    if model and not model.endswith(".pt"):
        message = f"{model} is an architecture: it has no weights to test."
        findings.append(error("test-weights", message, where="model", next="Choose a .pt file."))
    splits = list(report.splits) if report else []
    if splits and choices.test_split not in splits:
        message = f"'{choices.test_split}' is not a split of the data."
        hint = f"Choose one of {', '.join(splits)}."
        findings.append(error("split-not-there", message, where="test_split", next=hint))
    return findings


def _check_flags(choices: Choices) -> list[Finding]:
    findings = []
    if choices.tune and not choices.train:
        findings.append(
            error(
                "tune-without-train",
                "tuning starts from the trained weights, so it needs training.",
                where="tune",
                next="Switch training on, or tuning off.",
            )
        )
    if choices.tune_space and not choices.tune:
        message = f"the search space '{choices.tune_space}' is not used: tuning is off."
        findings.append(info("space-unused", message, where="tune_space"))
    if not choices.train and choices.overrides and not choices.test_split:
        message = "the overrides have no effect: training is off."
        findings.append(info("overrides-unused", message, where="overrides"))
    for name, value in (("experiment", choices.experiment), ("name", choices.name)):
        if name == "experiment" and not value.strip():
            message = "the experiment has no name."
            findings.append(error("experiment-name", message, where=name, next="Give it a name."))
        elif len(value) > _MAX_NAME or not value.isprintable():
            message = f"the {name} has line breaks, or more than {_MAX_NAME} characters."
            findings.append(error(f"{name}-name", message, where=name, next="Shorten it."))
    return findings
