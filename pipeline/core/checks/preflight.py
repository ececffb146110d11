"""Everything that would stop or spoil a run, found before it starts.

The form, the command line and the verify step all ask `preflight`; nothing is asked of a service.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.core.cfg.files import check_named_weights
from pipeline.core.cfg.schema import SCHEMA
from pipeline.core.cfg.train_cfg import check_cfg, effective_cfg
from pipeline.core.checks.advice import Advice, advise, taken
from pipeline.core.checks.batch import check_last_batch
from pipeline.core.checks.choices import check_flags, check_splits
from pipeline.core.checks.model import check_model, check_task_name
from pipeline.core.checks.resources import check_resources
from pipeline.core.errors import FileMissing, InputError, SlipwayError, UnsafePath
from pipeline.core.findings import Finding, error, has_errors, info, ordered
from pipeline.core.launch.choices import FILES, Choices
from pipeline.core.launch.kinds.kind import LaunchKind
from pipeline.core.launch.kinds.registry import kind_of
from pipeline.core.space.search_space import all_choices, check_space
from pipeline.core.space.text import is_inline, read_inline
from pipeline.core.volume.paths import Kind, Resolved, Volume
from pipeline.core.yamltext.file import YamlFile, load_yaml

if TYPE_CHECKING:
    from pipeline.core.dataset.loading import Loading
    from pipeline.core.dataset.read import DatasetReport

_T = TypeVar("_T")
_FIELDS = {"model": "model_path", "cfg": "cfg_yaml", "data": "data_yaml", "tune": "tune_yaml"}


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
    weights_allow: Collection[str] = (),
) -> Preflight:
    """Check a launch's choices; nothing is written, no weights are loaded, nothing is raised.

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
    weights_allow
        What weights may use besides models' classes; see `check_weights`.
    """
    findings: list[Finding] = []
    kind = kind_of(choices)
    found = _resolve_all(volume, choices, findings)
    cfg = _load_cfg(volume, found.get("cfg"), choices.overrides, findings)
    look = partial(_inspect, volume, found.get("data"), index_folder=index_folder)
    loading = _loading(cfg.sound, kind)
    loaded = look(deep=deep, findings=findings, loading=loading)
    report = look(findings=[]) if loading else loaded
    scale = ""
    if "model" not in found or found["model"].path.endswith(".pt"):  # a yaml itself says its task
        findings += check_task_name(choices.model)
    if "model" in found:
        names = report.names if report else None
        mistakes, scale = check_model(volume, found["model"], names, weights_allow)
        findings += mistakes
    if cfg.values and report:
        findings += check_splits(cfg.values, report, kind)
    findings += _check_batch(cfg, loaded, choices)
    findings += check_flags(choices)
    findings += kind.check(choices, found["model"].path if "model" in found else "", report)
    space = _load_space(volume, found.get("tune"), choices, findings)
    findings += check_space(space, cfg.values, choices.overrides, volume) if space else []
    named = _named_values(cfg, choices.overrides, space)
    findings += check_named_weights(named, volume, weights_allow)
    findings += check_resources(volume, choices, cfg.sound, gpus)
    advice, followed = _advise(cfg, report, space, choices)
    return Preflight(
        findings=ordered(findings),
        resolved={_FIELDS[kind]: entry.path for kind, entry in found.items()},
        report=report,
        scale=scale,
        cfg=cfg.sound,
        advice=advice,
        taken=followed,
    )


@dataclass(frozen=True)
class _Cfg:
    """The cfg file, its values with the overrides, and the same when nothing is wrong in them."""

    file: YamlFile = field(default_factory=lambda: YamlFile("cfg", "", {}, {}))
    values: Mapping[str, Any] | None = None
    sound: Mapping[str, Any] | None = None


def _load_cfg(
    volume: Volume,
    found: Resolved | None,
    overrides: Mapping[str, Any],
    findings: list[Finding],
) -> _Cfg:
    file = _load(volume, found, "cfg", findings)
    # Without a file it is not known whether the optimizer is auto, which would ignore some keys.
    asked = file or YamlFile("cfg", "", {"optimizer": "SGD"}, {})
    mistakes = check_cfg(asked, dict(overrides), volume)
    findings += mistakes
    if file is None:
        return _Cfg()
    values = effective_cfg(file.text, overrides)
    return _Cfg(file, values, None if has_errors(mistakes) else values)


def _named_values(
    cfg: _Cfg, overrides: Mapping[str, Any], space: YamlFile | None
) -> list[tuple[str, Any, str]]:
    """Give what settings say, in the cfg and in a search: setting, value and where."""
    fixed = [
        (key, value, f"overrides.{key}" if key in overrides else cfg.file.where(key))
        for key, value in (cfg.values or overrides).items()
        if key in SCHEMA
    ]
    return [*fixed, *(all_choices(space) if space else ())]


def _check_batch(cfg: _Cfg, report: DatasetReport | None, choices: Choices) -> list[Finding]:
    train = report.splits.get("train") if report else None
    if not (choices.train and train and cfg.sound):
        return []
    return check_last_batch(cfg.sound, train.images - train.dropped_images, choices.gpus)


def _advise(
    cfg: _Cfg, report: DatasetReport | None, space: YamlFile | None, choices: Choices
) -> tuple[tuple[Advice, ...], tuple[Advice, ...]]:
    """Give the advice that is open, and that which the overrides follow."""
    if not (choices.train and report and cfg.sound):
        return (), ()
    followed = taken(report, cfg.sound, effective_cfg(cfg.file.text, {}), choices.overrides)
    return tuple(advise(report, cfg.sound, _searched(space))), tuple(followed)


def _searched(space: YamlFile | None) -> set[str]:
    keys = space.data.get("space") if space else None
    return {str(key) for key in keys} if isinstance(keys, dict) else set()


def _resolve_all(volume: Volume, choices: Choices, findings: list[Finding]) -> dict[Kind, Resolved]:
    launch_kind = kind_of(choices)
    names: dict[Kind, str] = {
        name: getattr(choices, name) for name in FILES if launch_kind.takes(name)
    }
    if choices.tune and choices.tune_space and not is_inline(choices.tune_space):
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


def _load_space(
    volume: Volume, found: Resolved | None, choices: Choices, findings: list[Finding]
) -> YamlFile | None:
    if choices.tune and is_inline(choices.tune_space):
        return _caught(lambda: read_inline(choices.tune_space), "tune_space", findings)
    return _load(volume, found, "tune_space", findings)


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


def _loading(cfg: Mapping[str, Any] | None, kind: LaunchKind) -> Loading | None:
    """Give what the cfg leaves of the dataset; None when that is all of it."""
    if cfg is None or not kind.has_step("train"):
        return None
    from pipeline.core.dataset.loading import EVERYTHING, loading_of

    loading = loading_of(cfg)
    return None if loading == EVERYTHING else loading


def _inspect(
    volume: Volume,
    found: Resolved | None,
    *,
    deep: bool = False,
    index_folder: Path | None,
    findings: list[Finding],
    loading: Loading | None = None,
) -> DatasetReport | None:
    if found is None:
        return None
    # polars and pillow are only needed here, and the cfg part of this module is used without them
    from pipeline.core.dataset.read import inspect_dataset

    inspect = partial(inspect_dataset, deep=deep, index_folder=index_folder)
    if loading:
        inspect = partial(inspect, loading=loading)
    report = _caught(partial(inspect, volume, found.path), "data", findings)
    findings += report.findings if report else []
    return report
