"""The search space that a launch carries itself, in place of the name of a ``tune-*.yaml``.

`Choices.tune_space` is a name, or what such a file holds on one line, which begins with a brace:
``{"space": {"lr0": {"low": 0.001, "high": 0.1, "scale": "log"}}, "trials": 8}``. The text goes
everywhere that a name goes: into the form's URL, ``launch.json``, the command line and the
workflow's parameter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.core.yamltext.file import YamlFile, parse_yaml

FIELD = "tune_space"


def is_inline(tune_space: str) -> bool:
    """Say whether the text is a search space and not the name of one."""
    return tune_space.lstrip().startswith("{")


def inline(document: Mapping[str, Any]) -> str:
    """Give a search space as one line of JSON; what is empty is left out."""
    given = {key: value for key, value in document.items() if value is not None}
    return json.dumps(given, ensure_ascii=False, separators=(", ", ": "))


def read_inline(text: str) -> YamlFile:
    """Read a search space that a launch carries; JSON, or yaml in one pair of braces.

    Raises
    ------
    InputError
        It is neither.
    """
    try:
        # yaml takes JSON's 1e-05 for a text
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = parse_yaml(text, name=FIELD).data
    return YamlFile(FIELD, text, data, {})


def file_text(document: Mapping[str, Any]) -> str:
    """Give a search space as the text of a ``tune-*.yaml``, one setting a line."""
    given = {key: value for key, value in document.items() if value is not None}
    text: str = yaml.safe_dump(
        given, sort_keys=False, allow_unicode=True, default_flow_style=None, width=float("inf")
    )
    return text
