"""What tuning may vary: ``tune-*.yaml`` on the volume, or a default space.

::

    space:
      lr0: {low: 0.0005, high: 0.02, scale: log}     # linear (default), log or int
      fliplr: {choices: [0.0, 0.5]}
    trials: 4          # how many
    epochs: 5          # of each; empty: the cfg's
    metric: mAP50-95   # mAP50-95, mAP50, precision, recall or fitness
    parallel: 1        # trials at a time
    seed: 0
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from pipeline.core.cfg_check import check_value, clean
from pipeline.core.cfg_schema import SCHEMA, UNUSED_GROUPS, Setting
from pipeline.core.errors import InputError
from pipeline.core.findings import Finding, error, has_errors, ordered, warning
from pipeline.core.yaml_file import YamlFile

Scale = Literal["linear", "log", "int"]
SCALES = ("linear", "log", "int")
METRICS = ("mAP50-95", "mAP50", "precision", "recall", "fitness")
DEFAULT_KEYS = ("lr0", "lrf", "momentum", "weight_decay", "hsv_v", "scale", "translate", "fliplr")
_LIMITS = {"trials": (1, 1000), "epochs": (1, 100_000), "parallel": (1, 64), "seed": (0, 2**31)}
_AUTO_IGNORES = ("lr0", "momentum")


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
    parallel
        Trials at a time.
    seed
        Of the search.
    """

    space: Mapping[str, Dimension] = field(default_factory=dict)
    trials: int = 4
    epochs: int | None = None
    metric: str = "mAP50-95"
    parallel: int = 1
    seed: int = 0

    def dump(self) -> str:
        """Give the yaml text."""
        document: dict[str, Any] = {"space": {k: d.as_dict() for k, d in self.space.items()}}
        for name in ("trials", "epochs", "metric", "parallel", "seed"):
            if (value := getattr(self, name)) is not None:
                document[name] = value
        return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def load_space(yaml_file: YamlFile) -> SearchSpace:
    """Read a ``tune-*.yaml``.

    Raises
    ------
    InputError
        With all mistakes as findings.
    """
    findings = _check_form(yaml_file)
    if has_errors(findings):
        first = findings[0]
        raise InputError(first.message, findings=findings, where=first.where, next=first.next)
    data = {key: value for key, value in yaml_file.data.items() if value is not None}
    space = {key: _dimension(key, entry) for key, entry in data.pop("space").items()}
    return SearchSpace(space=space, **data)


def default_space(cfg: Mapping[str, Any]) -> SearchSpace:
    """Give a space around the current values: a handful of settings, each range holds its value.

    Parameters
    ----------
    cfg
        The effective cfg, see `pipeline.core.train_cfg.effective_cfg`; with ``optimizer: auto``
        lr0 and momentum are left out, since Ultralytics would not use them.
    """
    is_auto = _is_auto(cfg)
    keys = [key for key in DEFAULT_KEYS if not (is_auto and key in _AUTO_IGNORES)]
    current = {key: cfg.get(key, SCHEMA[key].default) for key in keys}
    return SearchSpace({key: _around(key, value) for key, value in current.items() if _real(value)})


def check_space(
    yaml_file: YamlFile, cfg: Mapping[str, Any], overrides: Mapping[str, Any]
) -> list[Finding]:
    """Find every mistake in a ``tune-*.yaml``, also against the cfg that it starts from.

    Parameters
    ----------
    cfg
        The effective cfg, overrides included.
    overrides
        What the launch fixes; fixing and searching one setting is a contradiction.
    """
    findings = _check_form(yaml_file)
    space = yaml_file.data.get("space")
    for key, entry in space.items() if isinstance(space, dict) else ():
        if key not in SCHEMA or _check_dimension(SCHEMA[key], entry, ""):
            continue
        where = yaml_file.where("space", key)
        if key in overrides:
            findings.append(
                error(
                    "fixed-and-searched",
                    f"'{key}' is fixed to {overrides[key]} in the launch and also searched.",
                    where=where,
                    next=f"Remove overrides.{key} or take '{key}' out of the space.",
                )
            )
        if key in _AUTO_IGNORES and _is_auto(cfg):
            findings.append(
                error(
                    "auto-optimizer",
                    f"'{key}' is searched, but optimizer=auto ignores it.",
                    where=where,
                    next="Name an optimizer, such as optimizer=AdamW.",
                )
            )
        current = cfg.get(key, SCHEMA[key].default)
        if not _dimension(key, entry).contains(current):
            findings.append(
                warning(
                    "current-outside-space",
                    f"the current value of '{key}', {current}, is not in the searched range.",
                    where=where,
                    next="Widen the range so that the search can keep what works.",
                )
            )
    return ordered(findings)


def _check_form(yaml_file: YamlFile) -> list[Finding]:
    findings: list[Finding] = []
    allowed = ("space", "trials", "epochs", "metric", "parallel", "seed")
    for key, value in yaml_file.data.items():
        where = yaml_file.where(key)
        if key not in allowed:
            findings.append(_unknown(key, allowed, where))
        elif key in _LIMITS and value is not None and not _whole_between(value, *_LIMITS[key]):
            low, high = _LIMITS[key]
            message = f"'{key}' is {value!r}; allowed is a whole number from {low} to {high:,}."
            findings.append(error("tune-value", message, where=where, next="Correct the value."))
        elif key == "metric" and value is not None and value not in METRICS:
            message = f"'metric' is {value!r}; allowed is {', '.join(METRICS)}."
            findings.append(error("tune-value", message, where=where, next="Correct the value."))
    space = yaml_file.data.get("space")
    if not isinstance(space, dict) or not space:
        message = "'space' names no setting to vary."
        hint = "Write space: {lr0: {low: 0.0005, high: 0.02, scale: log}}."
        return [*findings, error("tune-space", message, where=yaml_file.where("space"), next=hint)]
    for key, entry in space.items():
        where = yaml_file.where("space", key)
        if key not in SCHEMA:
            findings.append(_unknown(key, SCHEMA, where))
        else:
            findings += _check_dimension(SCHEMA[key], entry, where)
    return findings


def _check_dimension(setting: Setting, entry: Any, where: str) -> list[Finding]:
    def mistake(message: str, next: str) -> list[Finding]:
        return [error("tune-space", f"'{setting.key}' {message}", where=where, next=next)]

    if setting.owned or setting.group in UNUSED_GROUPS:
        return mistake("cannot be searched: it does not change the training.", "Remove it.")
    if not isinstance(entry, dict) or set(entry) - {"low", "high", "scale", "choices"}:
        return mistake("is not a range.", "Write {low: 0.1, high: 0.9} or {choices: [1, 2]}.")
    if "choices" in entry:
        choices = entry["choices"]
        if len(entry) > 1 or not isinstance(choices, list) or not choices:
            return mistake(
                "has choices that are no list, or a range too.", "Write {choices: [1, 2]}."
            )
        return [finding for value in choices for finding in check_value(setting, value, where)]
    if entry.get("scale", "linear") not in SCALES:
        return mistake(f"has the scale {entry['scale']!r}.", f"Use one of {', '.join(SCALES)}.")
    if not (setting.accepts("float") or setting.accepts("int")):
        return mistake("is no number.", "Write {choices: [...]}.")
    low, high = (clean(setting.key, entry.get(end)) for end in ("low", "high"))
    if not _real(low) or not _real(high):
        return mistake("needs low and high as numbers.", "Write {low: 0.1, high: 0.9}.")
    if low >= high:
        return mistake(f"has low {low}, which is not below high {high}.", "Exchange them.")
    if entry.get("scale") == "int" and (low % 1 or high % 1):
        return mistake(f"has scale int from {low} to {high}.", "Use whole numbers.")
    if entry.get("scale") == "log" and setting.kind == "int":
        return mistake("takes whole numbers only.", "Use scale int.")
    if entry.get("scale") == "log" and low <= 0:
        return mistake(f"has scale log from {low}.", "Start above 0, or use scale linear.")
    return [finding for end in (low, high) for finding in check_value(setting, end, where)]


def _unknown(key: Any, known: Any, where: str) -> Finding:
    near = difflib.get_close_matches(str(key), known, n=2)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Remove it."
    return error("unknown-setting", f"'{key}' is not known here.", where=where, next=hint)


def _whole_between(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _real(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _is_auto(cfg: Mapping[str, Any]) -> bool:
    return str(cfg.get("optimizer", SCHEMA["optimizer"].default)).lower() == "auto"


def _dimension(key: str, entry: Mapping[str, Any]) -> Dimension:
    if "choices" in entry:
        return Dimension(choices=tuple(clean(key, value) for value in entry["choices"]))
    low, high = clean(key, entry["low"]), clean(key, entry["high"])
    scale: Scale = "int" if SCHEMA[key].kind == "int" else entry.get("scale", "linear")
    return Dimension(low, high, scale)


def _around(key: str, value: float) -> Dimension:
    """Span a third to three times the value, or from nothing to a little, within the limits."""
    highest = SCHEMA[key].high
    top = math.inf if highest is None else highest
    if value <= 0:
        return Dimension(0.0, min(0.5, top))
    is_log = key in ("lr0", "lrf", "weight_decay")
    if is_log:
        return Dimension(value / 3, min(value * 3, top), "log")
    if key == "momentum":
        return Dimension(min(0.8, value), max(0.98, value))
    return Dimension(round(value / 2, 6), min(round(value * 1.5, 6), top))
