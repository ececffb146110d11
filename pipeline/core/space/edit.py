"""Changing a search space one step at a time; each function gives a new document.

A document is what a ``tune-*.yaml`` holds, also while it has mistakes: what is not touched stays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pipeline.core.cfg.check import clean
from pipeline.core.cfg.schema import SCHEMA, UNUSED_GROUPS
from pipeline.core.space.form import TWICE, is_real
from pipeline.core.space.presets import default_space, preset_space, short, suggested
from pipeline.core.space.search_space import SearchSpace
from pipeline.core.space.text import is_inline, read_inline
from pipeline.core.yamltext.file import parse_yaml

CHOICES = "choices"
_KINDS = ("int", "float", "bool", "choice")
_HIDDEN_GROUPS = (*UNUSED_GROUPS, "slipway", "output")
_SEARCHABLE = tuple(
    key
    for key, setting in SCHEMA.items()
    if setting.kind in _KINDS and not setting.owned and setting.group not in _HIDDEN_GROUPS
)
_SETTINGS = SearchSpace().document()


def searchable() -> tuple[str, ...]:
    """Give the settings of a cfg that a search can vary, in the schema's order."""
    return _SEARCHABLE


def document_of(tune_space: str, text: str, cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a launch would search.

    Parameters
    ----------
    tune_space
        As in `pipeline.core.launch.choices.Choices`.
    text
        Of the file that it names.
    cfg
        The effective cfg, for the default space.

    Raises
    ------
    InputError
        The space cannot be read.
    """
    if is_inline(tune_space):
        return read_inline(tune_space).data
    if tune_space:
        return parse_yaml(text, name=tune_space).data
    return default_space(cfg).document()


def entries(document: Mapping[str, Any]) -> dict[Any, Any]:
    """Give what is searched, setting to its range or choices as the document has it."""
    space = document.get("space")
    return dict(space) if isinstance(space, dict) else {}


def setting_of(document: Mapping[str, Any], name: str) -> Any:
    """Give one of the search's own settings, such as ``trials``; the default when it is silent."""
    value = document.get(name)
    return _SETTINGS.get(name) if value is None else value


def with_setting(document: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Change one of the search's own settings; None takes it out."""
    changed = {**document, name: value}
    return {key: entry for key, entry in changed.items() if entry is not None}


def with_entry(document: Mapping[str, Any], key: Any, entry: Any) -> dict[str, Any]:
    """Change what is searched of one setting."""
    return {**document, "space": {**entries(document), key: entry}}


def without(document: Mapping[str, Any], key: Any) -> dict[str, Any]:
    """Search a setting no more."""
    space = {name: entry for name, entry in entries(document).items() if name != key}
    return {**document, "space": space}


def with_added(document: Mapping[str, Any], key: str, cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Search one more setting, around its value in the effective cfg."""
    changed = with_setting(document, key, None) if key in TWICE else document
    current = cfg.get(key, SCHEMA[key].default)
    return with_entry(changed, key, suggested(key, current).as_dict())


def with_preset(document: Mapping[str, Any], name: str, cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Search what a preset names, around the values of the effective cfg; the rest stays."""
    return {**document, "space": preset_space(name, cfg).document()["space"]}


def with_scale(key: str, entry: Mapping[str, Any], scale: str, current: Any) -> dict[str, Any]:
    """Change how a setting is drawn: from a range on one of `SCALES`, or from `CHOICES`."""
    low, high = (clean(key, entry.get(end)) for end in ("low", "high"))
    if CHOICES in entry:
        listed = entry[CHOICES] if isinstance(entry[CHOICES], list) else []
        numbers = sorted(value for item in listed if is_real(value := clean(key, item)))
        low, high = (numbers[0], numbers[-1]) if len(numbers) > 1 else (None, None)
    if not is_real(low) or not is_real(high):
        fresh = suggested(key, current).as_dict()
        low, high = fresh.get("low"), fresh.get("high")
    if not is_real(low) or not is_real(high):
        low, high = 0.0, 1.0  # a setting that offers choices of its own, such as imgsz
        given = suggested(key, current).as_dict().get(CHOICES, [])
        if numbers := [value for value in given if is_real(value)]:
            low, high = min(numbers), max(numbers)
    if scale == CHOICES:
        inside = is_real(current) and low < current < high
        return {CHOICES: [low, current, high] if inside else [low, high]}
    if scale == "int":
        low, high = math.floor(low), math.ceil(high)
    if scale == "log" and low <= 0:
        low = short(high / 100)
    return {"low": low, "high": high, "scale": scale}


def widened(key: str, entry: Mapping[str, Any], current: Any) -> dict[str, Any] | None:
    """Take the current value into what is searched; None when a range cannot hold it."""
    if CHOICES in entry:
        return {CHOICES: [*entry[CHOICES], current]}
    low, high = clean(key, entry.get("low")), clean(key, entry.get("high"))
    if not (is_real(current) and is_real(low) and is_real(high)):
        return None
    scale = entry.get("scale", "linear")
    if (scale == "log" and current <= 0) or (scale == "int" and current % 1):
        scale = "linear"
    return {"low": min(low, current), "high": max(high, current), "scale": scale}
