"""What tuning may vary: ``tune-*.yaml`` on the volume, or a default space.

::

    space:
      lr0: {low: 0.0005, high: 0.02, scale: log}     # linear (default), log or int
      fliplr: {choices: [0.0, 0.5]}
    trials: 4            # how many
    epochs: 5            # of each; empty: the cfg's
    metric: mAP50-95     # mAP50-95, mAP50, precision, recall or fitness
    searcher: tpe        # learns from the trials before (tpe), or draws blindly (random)
    scheduler: asha      # ends trials that lag behind early (asha), or none
    parallel: 1          # trials at a time
    fraction: 0.5        # of the training data; empty: the cfg's
    time_limit_min: 60   # for all trials together; empty: none
    seed: 0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import yaml

from pipeline.core.cfg.check import clean
from pipeline.core.cfg.files import check_file_setting, weight_paths
from pipeline.core.cfg.schema import SCHEMA
from pipeline.core.errors import refuse_errors
from pipeline.core.findings import Finding, error, ordered, warning
from pipeline.core.said import said
from pipeline.core.space.form import (
    METRICS,
    SCALES,
    SCHEDULERS,
    SEARCHERS,
    check_dimension,
    check_form,
)
from pipeline.core.volume.paths import Volume
from pipeline.core.yamltext.file import YamlFile

__all__ = [
    "METRICS",
    "SCALES",
    "SCHEDULERS",
    "SEARCHERS",
    "Dimension",
    "SearchSpace",
    "check_space",
    "is_auto",
    "load_space",
]

Scale = Literal["linear", "log", "int"]
AUTO_IGNORES = ("lr0", "momentum")
_SETTINGS = (
    *("trials", "epochs", "metric", "searcher", "scheduler"),
    *("parallel", "fraction", "time_limit_min", "seed"),
)


@dataclass(frozen=True)
class Dimension:
    """One setting that tuning varies: a range, or `choices`.

    Parameters
    ----------
    low, high
        Ends of the range, both included.
    scale
        ``linear``, ``log`` or ``int``.
    choices
        The values to choose from; empty for a range.
    """

    low: float = 0.0
    high: float = 0.0
    scale: Scale = "linear"
    choices: tuple[Any, ...] = ()

    def contains(self, value: Any) -> bool:
        """Say whether a value lies inside."""
        if self.choices:
            return value in self.choices
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and self.low <= value <= self.high

    def as_dict(self) -> dict[str, Any]:
        """Give the dimension as it stands in the yaml."""
        if self.choices:
            return {"choices": list(self.choices)}
        return {"low": self.low, "high": self.high, "scale": self.scale}


@dataclass(frozen=True)
class SearchSpace:
    """What tuning varies, how often and by what it judges.

    Parameters
    ----------
    space
        Setting to its dimension.
    trials
        How many combinations are tried.
    epochs
        Of each trial; None means the cfg's.
    metric
        One of `METRICS`, the higher the better.
    searcher
        One of `SEARCHERS`.
    scheduler
        One of `SCHEDULERS`.
    parallel
        Trials at a time, at most.
    fraction
        Of the training data that a trial sees; None means the cfg's.
    time_limit_min
        For all trials of one start of the step together; None means no limit.
    seed
        Of the search.
    """

    space: Mapping[str, Dimension] = field(default_factory=dict)
    trials: int = 4
    epochs: int | None = None
    metric: str = "mAP50-95"
    searcher: str = "tpe"
    scheduler: str = "asha"
    parallel: int = 1
    fraction: float | None = None
    time_limit_min: float | None = None
    seed: int = 0

    def document(self) -> dict[str, Any]:
        """Give what stands in the yaml."""
        document: dict[str, Any] = {"space": {k: d.as_dict() for k, d in self.space.items()}}
        for name in _SETTINGS:
            if (value := getattr(self, name)) is not None:
                document[name] = value
        return document

    def dump(self) -> str:
        """Give the yaml text."""
        return yaml.safe_dump(self.document(), sort_keys=False, allow_unicode=True)


def load_space(yaml_file: YamlFile, volume: Volume | None = None) -> SearchSpace:
    """Read a ``tune-*.yaml``; with a volume, choices that name files become paths on it.

    Raises
    ------
    InputError
        With all mistakes as findings.
    """
    findings = [*check_form(yaml_file), *_check_files(yaml_file, volume)]
    refuse_errors(findings)
    data = {key: value for key, value in yaml_file.data.items() if value is not None}
    space = {key: _dimension(key, entry) for key, entry in data.pop("space").items()}
    if volume is not None:
        space = {key: _on_volume(key, entry, volume) for key, entry in space.items()}
    return SearchSpace(space=space, **data)


def check_space(
    yaml_file: YamlFile,
    cfg: Mapping[str, Any] | None,
    overrides: Mapping[str, Any],
    volume: Volume | None = None,
) -> list[Finding]:
    """Find every mistake in a ``tune-*.yaml``, also against the cfg that it starts from.

    Parameters
    ----------
    cfg
        The effective cfg, overrides included; None when there is none to compare with.
    overrides
        What the launch fixes; fixing and searching one setting is a contradiction.
    volume
        Where the files lie that choices name; None does not look for them.
    """
    findings = check_form(yaml_file)
    space = yaml_file.data.get("space")
    space = space if isinstance(space, dict) else {}
    for key in space:
        if key in SCHEMA:
            findings += check_launched(key, space, cfg, overrides, yaml_file.where("space", key))
    return ordered([*findings, *_check_files(yaml_file, volume)])


def check_launched(
    key: str,
    space: Mapping[Any, Any],
    cfg: Mapping[str, Any] | None,
    overrides: Mapping[str, Any],
    where: str,
) -> list[Finding]:
    """Find what does not fit the launch in one setting of a space that is well formed."""
    entry = space[key]
    if check_dimension(SCHEMA[key], entry, ""):
        return []
    findings = _check_fixed(key, overrides, where)
    findings += _check_auto(key, space.get("optimizer"), cfg, where)
    return findings + (_check_current(key, entry, cfg, where) if cfg is not None else [])


def is_auto(cfg: Mapping[str, Any]) -> bool:
    """Say whether Ultralytics chooses the optimizer, and with it lr0 and momentum."""
    return str(cfg.get("optimizer", SCHEMA["optimizer"].default)).lower() == "auto"


def all_choices(yaml_file: YamlFile) -> list[tuple[str, Any, str]]:
    """Give every choice of a space that settings may take: setting, value and line."""
    space = yaml_file.data.get("space")
    return [
        (key, value, yaml_file.where("space", key))
        for key, entry in (space.items() if isinstance(space, dict) else ())
        if key in SCHEMA and isinstance(entry, dict) and isinstance(entry.get("choices"), list)
        for value in entry["choices"]
    ]


def _check_files(yaml_file: YamlFile, volume: Volume | None) -> list[Finding]:
    """Find which choices name no file of the volume."""
    if volume is None:
        return []
    return [
        finding
        for key, value, where in all_choices(yaml_file)
        for finding in check_file_setting(key, value, where, volume)
    ]


def _on_volume(key: str, entry: Dimension, volume: Volume) -> Dimension:
    named = (weight_paths({key: value}, volume).get(key, value) for value in entry.choices)
    return replace(entry, choices=tuple(named))


def _check_fixed(key: str, overrides: Mapping[str, Any], where: str) -> list[Finding]:
    if key not in overrides:
        return []
    message = said(
        "'{key}' is fixed to {value} in the launch and also searched.",
        key=key,
        value=overrides[key],
    )
    hint = said("Remove overrides.{key} or take '{key}' out of the space.", key=key)
    return [error("fixed-and-searched", message, where=where, next=hint)]


def _check_auto(
    key: str, optimizer: Any, cfg: Mapping[str, Any] | None, where: str
) -> list[Finding]:
    if key not in AUTO_IGNORES:
        return []
    searched = optimizer.get("choices") if isinstance(optimizer, dict) else None
    if isinstance(searched, list):
        names = [str(name).lower() for name in searched]
    else:
        names = ["auto"] if cfg is not None and is_auto(cfg) else []
    if "auto" not in names:
        return []
    message = said("'{key}' is searched, but optimizer=auto ignores it.", key=key)
    hint = said("Name an optimizer, such as optimizer=AdamW.")
    return [error("auto-optimizer", message, where=where, next=hint)]


def _check_current(
    key: str, entry: Mapping[str, Any], cfg: Mapping[str, Any], where: str
) -> list[Finding]:
    current = cfg.get(key, SCHEMA[key].default)
    if _dimension(key, entry).contains(current) or (key in AUTO_IGNORES and is_auto(cfg)):
        return []
    message = said(
        "the current value of '{key}', {current}, is not in the searched range.",
        key=key,
        current=current,
    )
    hint = said("Widen the range so that the search can keep what works.")
    return [warning("current-outside-space", message, where=where, next=hint)]


def _dimension(key: str, entry: Mapping[str, Any]) -> Dimension:
    if "choices" in entry:
        return Dimension(choices=tuple(clean(key, value) for value in entry["choices"]))
    low, high = clean(key, entry["low"]), clean(key, entry["high"])
    scale: Scale = "int" if SCHEMA[key].kind == "int" else entry.get("scale", "linear")
    return Dimension(low, high, scale)
