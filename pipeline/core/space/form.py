"""The form of a ``tune-*.yaml``: which keys it has and what a range may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pipeline.core.cfg.check import check_value, clean
from pipeline.core.cfg.schema import SCHEMA, UNUSED_GROUPS, Setting
from pipeline.core.cfg.unknown_keys import unknown_keys
from pipeline.core.findings import Finding, error
from pipeline.core.said import said
from pipeline.core.yamltext.file import YamlFile

SCALES = ("linear", "log", "int")
METRICS = ("mAP50-95", "mAP50", "precision", "recall", "fitness")
SEARCHERS = ("tpe", "random")
SCHEDULERS = ("asha", "none")
_WHOLE = {"trials": (1, 1000), "epochs": (1, 100_000), "parallel": (1, 64), "seed": (0, 2**31)}
_NUMBERS = {"fraction": (0.01, 1), "time_limit_min": (0.1, 100_000)}
_NAMES = {"metric": METRICS, "searcher": SEARCHERS, "scheduler": SCHEDULERS}
# What both the file's own settings and its space can say.
TWICE = ("epochs", "fraction")


def check_form(yaml_file: YamlFile) -> list[Finding]:
    """Find every mistake that shows in the file alone."""
    findings: list[Finding] = []
    allowed = ("space", *_WHOLE, *_NUMBERS, *_NAMES)
    unknown = [(key, yaml_file.where(key)) for key in yaml_file.data if key not in allowed]
    findings += unknown_keys(unknown, allowed)
    for key, value in yaml_file.data.items():
        where = yaml_file.where(key)
        if key in allowed and value is not None and (words := _wrong(key, value)):
            message = said(
                "'{key}' is {value}; allowed is {allowed}.",
                key=key,
                value=repr(value),
                allowed=words,
            )
            findings.append(
                error("tune-value", message, where=where, next=said("Correct the value."))
            )
    space = yaml_file.data.get("space")
    if not isinstance(space, dict) or not space:
        message = said("'space' names no setting to vary.")
        hint = said("Write space: {lr0: {low: 0.0005, high: 0.02, scale: log}}.")
        return [*findings, error("tune-space", message, where=yaml_file.where("space"), next=hint)]
    for key in space:
        if key in SCHEMA:
            findings += check_entry(key, yaml_file.data, yaml_file.where("space", key))
    unknown = [(key, yaml_file.where("space", key)) for key in space if key not in SCHEMA]
    return findings + unknown_keys(unknown, SCHEMA)


def check_entry(key: Any, document: Mapping[str, Any], where: str) -> list[Finding]:
    """Find every mistake of one setting that is searched, as far as the file alone shows it."""
    if key not in SCHEMA:
        return unknown_keys([(key, where)], SCHEMA)
    findings = check_dimension(SCHEMA[key], document["space"][key], where)
    if key in TWICE and document.get(key) is not None:
        message = said(
            "'{key}' is fixed to {value} and also searched.", key=key, value=document[key]
        )
        hint = said("Remove '{key}' here or below.", key=key)
        findings.append(error("fixed-and-searched", message, where=where, next=hint))
    return findings


def check_dimension(setting: Setting, entry: Any, where: str) -> list[Finding]:
    """Find what is wrong with one setting's range or choices."""
    if mistake := _mistake(setting, entry):
        message, hint = mistake
        return [error("tune-space", message, where=where, next=hint)]
    values = entry["choices"] if "choices" in entry else _ends(setting, entry)
    return [finding for value in values for finding in check_value(setting, value, where)]


def _mistake(setting: Setting, entry: Any) -> tuple[str, str] | None:
    """Say why a setting cannot be searched so, and what to do; None when it can."""
    key = setting.key
    if setting.owned or setting.group in UNUSED_GROUPS:
        message = said("'{key}' cannot be searched: it does not change the training.", key=key)
        return message, said("Remove it.")
    if not isinstance(entry, dict) or set(entry) - {"low", "high", "scale", "choices"}:
        hint = said("Write {low: 0.1, high: 0.9} or {choices: [1, 2]}.")
        return said("'{key}' is not a range.", key=key), hint
    if "choices" not in entry:
        return _mistake_of_range(setting, entry)
    choices = entry["choices"]
    if len(entry) > 1 or not isinstance(choices, list) or not choices:
        message = said("'{key}' has choices that are no list, or a range too.", key=key)
        return message, said("Write {choices: [1, 2]}.")
    return None


def _mistake_of_range(setting: Setting, entry: Mapping[str, Any]) -> tuple[str, str] | None:
    scale, (low, high) = entry.get("scale", "linear"), _ends(setting, entry)
    key = setting.key
    if scale not in SCALES:
        message = said("'{key}' has the scale {scale}.", key=key, scale=repr(scale))
        return message, said("Use one of {names}.", names=", ".join(SCALES))
    if not (setting.accepts("float") or setting.accepts("int")):
        return said("'{key}' is no number.", key=key), said("Write {choices: [...]}.")
    if not is_real(low) or not is_real(high):
        message = said("'{key}' needs low and high as numbers.", key=key)
        return message, said("Write {low: 0.1, high: 0.9}.")
    if low >= high:
        message = said(
            "'{key}' has low {low}, which is not below high {high}.", key=key, low=low, high=high
        )
        return message, said("Exchange them.")
    if scale == "int" and (low % 1 or high % 1):
        message = said("'{key}' has scale int from {low} to {high}.", key=key, low=low, high=high)
        return message, said("Use whole numbers.")
    if scale == "log" and setting.kind == "int":
        return said("'{key}' takes whole numbers only.", key=key), said("Use scale int.")
    if scale == "log" and low <= 0:
        message = said("'{key}' has scale log from {low}.", key=key, low=low)
        return message, said("Start above 0, or use scale linear.")
    return None


def _ends(setting: Setting, entry: Mapping[str, Any]) -> tuple[Any, Any]:
    return clean(setting.key, entry.get("low")), clean(setting.key, entry.get("high"))


def _wrong(key: str, value: Any) -> str:
    """Say in words what a setting of the search may be; empty when it is that."""
    if key in _WHOLE:
        low, high = _WHOLE[key]
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        fine = is_whole and low <= value <= high
        words: str = said("a whole number from {low} to {high:,}", low=low, high=high)
    elif key in _NUMBERS:
        least, most = _NUMBERS[key]
        fine = is_real(value) and least <= value <= most
        words = said("from {low} to {high:,}", low=least, high=most)
    elif key in _NAMES:
        fine, words = value in _NAMES[key], ", ".join(_NAMES[key])
    else:
        return ""
    return "" if fine else words


def is_real(value: Any) -> bool:
    """Say whether a value is a finite number."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value)
