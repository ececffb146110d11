"""Everything that would stop or spoil a run, found before it starts.

The form, the command line and the verify step all ask `preflight`; nothing is asked of a service.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
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
from pipeline.core.checks.resources import check_image_cache, check_resources
from pipeline.core.errors import FileMissing, InputError, SlipwayError, UnsafePath
from pipeline.core.findings import Finding, error, has_errors, info, ordered
from pipeline.core.launch.choices import FILES, Choices
from pipeline.core.launch.kinds.registry import kind_of
from pipeline.core.launch.launch import RESOLVED
from pipeline.core.said import said
from pipeline.core.space.search_space import all_choices, check_space
from pipeline.core.space.text import is_inline, read_inline
from pipeline.core.volume.paths import Kind, Resolved, Volume
from pipeline.core.yamltext.file import YamlFile, load_yaml

if TYPE_CHECKING:
    from pipeline.core.dataset.read import DatasetReport

_T = TypeVar("_T")


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
        advice = [asdict(entry) for entry in self.advice]
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
    kind = kind_of(choices)
    found, findings = _resolve_all(volume, choices)
    cfg = _load_cfg(volume, found.get("cfg"), choices.overrides)
    loads = cfg.sound if kind.has_step("train") else None
    data = _look_at_data(volume, found.get("data"), loads, deep=deep, index_folder=index_folder)
    scale, about_model = _look_at_model(
        volume, choices.model, found.get("model"), data.report, weights_allow
    )
    findings += [*cfg.findings, *data.findings, *about_model]
    if cfg.values and data.report:
        findings += check_splits(cfg.values, data.report, kind)
    findings += _check_loading(cfg, data.loaded, choices)
    findings += check_flags(choices)
    findings += kind.check(choices, found["model"].path if "model" in found else "", data.report)
    space, about_space = _load_space(volume, found.get("tune"), choices)
    findings += about_space
    findings += check_space(space, cfg.values, choices.overrides, volume) if space else []
    named = _named_values(cfg, choices.overrides, space)
    findings += check_named_weights(named, volume, weights_allow)
    findings += check_resources(volume, choices, cfg.sound, gpus)
    advice, followed = _advise(cfg, data.report, space, choices)
    return Preflight(
        findings=ordered(findings),
        resolved={RESOLVED[kind]: entry.path for kind, entry in found.items()},
        report=data.report,
        scale=scale,
        cfg=cfg.sound,
        advice=advice,
        taken=followed,
    )


@dataclass(frozen=True)
class _Cfg:
    """The cfg file, its values with the overrides, and the same when nothing is wrong in them."""

    findings: list[Finding]
    file: YamlFile = field(default_factory=lambda: YamlFile("cfg", "", {}, {}))
    values: Mapping[str, Any] | None = None
    sound: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Data:
    """What the dataset holds, and what the cfg lets the loader take of it."""

    findings: list[Finding] = field(default_factory=list)
    report: DatasetReport | None = None
    loaded: DatasetReport | None = None


def _load_cfg(volume: Volume, found: Resolved | None, overrides: Mapping[str, Any]) -> _Cfg:
    file, findings = _load(volume, found, "cfg")
    # Without a file it is not known whether the optimizer is auto, which would ignore some keys.
    asked = file or YamlFile("cfg", "", {"optimizer": "SGD"}, {})
    mistakes = check_cfg(asked, dict(overrides), volume)
    findings += mistakes
    if file is None:
        return _Cfg(findings)
    values = effective_cfg(file.text, overrides)
    return _Cfg(findings, file, values, None if has_errors(mistakes) else values)


def _look_at_data(
    volume: Volume,
    found: Resolved | None,
    loads: Mapping[str, Any] | None,
    *,
    deep: bool,
    index_folder: Path | None,
) -> _Data:
    """Read the dataset; `loads` is the cfg of a training, which may leave some of it out."""
    if found is None:
        return _Data()
    # polars and pillow are only needed here, and the cfg part of this module is used without them
    from pipeline.core.dataset.loading import EVERYTHING, loading_of
    from pipeline.core.dataset.read import inspect_dataset

    loading = EVERYTHING if loads is None else loading_of(loads)
    look = partial(inspect_dataset, volume, found.path, index_folder=index_folder)
    loaded, findings = _caught(partial(look, deep=deep, loading=loading), "data")
    report = loaded if loading == EVERYTHING else _caught(look, "data")[0]
    return _Data([*findings, *(loaded.findings if loaded else [])], report, loaded)


def _look_at_model(
    volume: Volume,
    name: str,
    found: Resolved | None,
    report: DatasetReport | None,
    weights_allow: Collection[str],
) -> tuple[str, list[Finding]]:
    """Give the scale of a model yaml, and what is wrong with the model."""
    if found is None:
        return "", check_task_name(name)
    about_name = check_task_name(name) if found.path.endswith(".pt") else []  # a yaml says its task
    mistakes, scale = check_model(volume, found, report.names if report else None, weights_allow)
    return scale, [*about_name, *mistakes]


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


def _check_loading(cfg: _Cfg, report: DatasetReport | None, choices: Choices) -> list[Finding]:
    """Find what the images that are loaded are too many or too few for."""
    if not (choices.train and report and cfg.sound and "train" in report.splits):
        return []
    images = {name: split.images - split.dropped_images for name, split in report.splits.items()}
    cached = images["train"] + images.get("val", 0)
    return [
        *check_last_batch(cfg.sound, images["train"], choices.gpus),
        *check_image_cache(choices, cfg.sound, cached),
    ]


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


def _resolve_all(volume: Volume, choices: Choices) -> tuple[dict[Kind, Resolved], list[Finding]]:
    launch_kind = kind_of(choices)
    names: dict[Kind, str] = {
        name: getattr(choices, name) for name in FILES if launch_kind.takes(name)
    }
    if choices.tune and choices.tune_space and not is_inline(choices.tune_space):
        names["tune"] = choices.tune_space
    found: dict[Kind, Resolved] = {}
    findings: list[Finding] = []
    for kind, name in names.items():
        where = "tune_space" if kind == "tune" else kind
        entry, mistakes = _caught(partial(volume.resolve, kind, name), where)
        findings += mistakes
        if entry:
            found[kind] = entry
            if entry.note:
                findings.append(info("several-fit", entry.note, where=where))
    return found, findings


def _load_space(
    volume: Volume, found: Resolved | None, choices: Choices
) -> tuple[YamlFile | None, list[Finding]]:
    if choices.tune and is_inline(choices.tune_space):
        return _caught(lambda: read_inline(choices.tune_space), "tune_space")
    return _load(volume, found, "tune_space")


def _load(
    volume: Volume, found: Resolved | None, where: str
) -> tuple[YamlFile | None, list[Finding]]:
    if found is None:
        return None, []
    return _caught(lambda: load_yaml(volume.path(found.path), shown_as=found.path), where)


def _caught(action: Callable[[], _T], where: str) -> tuple[_T | None, list[Finding]]:
    """Turn what is wrong with a person's input into findings."""
    try:
        return action(), []
    except InputError as reason:
        code = "unsafe-path" if isinstance(reason, UnsafePath) else "bad-file"
        return None, list(reason.findings) or [_finding(code, reason, where)]
    except FileMissing as reason:
        return None, [_finding("file-missing", reason, where)]
    except OSError as reason:  # such as a name that is too long for the file system
        message = said("it cannot be read: {reason}.", reason=reason.strerror)
        return None, [error("bad-file", message, where=where, next=said("Choose another file."))]


def _finding(code: str, reason: SlipwayError, where: str) -> Finding:
    has_line = ":" in reason.where or "." in reason.where  # a file, not the field that named it
    at = reason.where if has_line else where
    return error(code, reason.message, where=at, next=reason.next)
