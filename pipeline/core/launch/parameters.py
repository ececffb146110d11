"""Choices as the parameters of a pipeline, which are texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds.kind import LaunchKind
from pipeline.core.launch.kinds.registry import all_choices, kind_of, made
from pipeline.core.launch.launch import Launch
from pipeline.core.said import said


def defaults_of(kind: LaunchKind) -> dict[str, Any]:
    """Give the parameters of a kind's pipeline, in order; switches stay truth values."""
    return _named(kind, kind.defaults, launch="", user="")


def parameters_of(launch: Launch) -> dict[str, str]:
    """Give the parameters that make a kind's pipeline this launch."""
    kind = kind_of(launch.choices)
    values = _named(kind, launch.choices, launch=launch.id, user=launch.user)
    return {name: str(value) for name, value in values.items()}


def choices_from(parameters: Mapping[str, str]) -> Choices:
    """Give what parameters ask for; one that is missing is the choice's default, or off.

    Raises
    ------
    InputError
        What should be JSON is none.
    """
    given: dict[str, Any] = {}
    for entry in all_choices():
        text = parameters.get(entry.parameter)
        if isinstance(entry.default, bool):
            given[entry.name] = text == "True"
        elif text is not None:
            is_json = isinstance(entry.default, Mapping)
            given[entry.name] = _read(entry.parameter, text) if is_json else text
    return made(given)


def _named(kind: LaunchKind, choices: Choices, **identity: str) -> dict[str, Any]:
    parameters = {entry.name: entry.parameter for entry in all_choices()}
    return {
        parameters.get(name, name): identity[name]
        if name in identity
        else _written(getattr(choices, name))
        for name in kind.parameters
    }


def _written(value: Any) -> Any:
    return json.dumps(dict(value), ensure_ascii=False) if isinstance(value, Mapping) else value


def _read(name: str, text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except json.JSONDecodeError as reason:
        raise InputError(
            said("parameter {name} is not JSON: {reason}.", name=name, reason=reason), where=name
        ) from reason
