"""Putting overrides into a cfg file without touching the rest of it.

Ultralytics reads cfg files with PyYAML, for which ``1e-3`` is text (YAML 1.1 wants ``1.0e-3``), and
then refuses the file. Here such numbers count as numbers, and a merged cfg has them spelled out.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.core.cfg_check import clean
from pipeline.core.errors import InputError
from pipeline.core.yaml_file import parse_yaml


def merge_cfg(cfg_text: str, overrides: Mapping[str, Any]) -> str:
    """Put overrides into a cfg text; everything else stays as it is, comments and order too.

    Values that only YAML 1.2 reads as numbers are spelled out. New keys come last.

    Raises
    ------
    InputError
        The text is not a yaml mapping.
    """
    before = parse_yaml(cfg_text, name="cfg").data
    after = {key: clean(key, value) for key, value in {**before, **overrides}.items()}
    changed = {
        key: value
        for key, value in after.items()
        if key not in before or not same(before[key], value)
    }
    if not changed:
        return cfg_text
    merged = _splice(cfg_text, changed)
    if _holds(merged, after):
        return merged
    # aliases, flow style and the like cannot be patched: written anew, without the comments
    return yaml.safe_dump(after, sort_keys=False, allow_unicode=True)


def diff_text(before: str, after: str, name: str, after_name: str) -> str:
    """Give the unified diff of two texts under their names; empty when nothing differs."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, after_name, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)


def same(one: Any, other: Any) -> bool:
    """Say whether two values are equal and of one type; NaN is equal to itself."""
    return type(one) is type(other) and bool(one == other or (one != one and other != other))


def _holds(text: str, values: Mapping[Any, Any]) -> bool:
    try:
        kept = parse_yaml(text, name="cfg").data
    except InputError:
        return False
    return kept.keys() == values.keys() and all(same(kept[key], values[key]) for key in values)


def _splice(text: str, changed: Mapping[str, Any]) -> str:
    """Replace the values' own characters, from the last to the first, and append new keys."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    nodes = {key.value: value for key, value in root.value} if root else {}
    for key in sorted(changed.keys() & nodes, key=lambda key: -nodes[key].start_mark.index):
        start, end = nodes[key].start_mark.index, _end(nodes[key])
        while end > start and text[end - 1].isspace():
            end -= 1
        gap = "" if text[start - 1 : start].isspace() else " "
        text = text[:start] + gap + _scalar(changed[key]) + text[end:]
    newline = "\r\n" if "\r\n" in text else "\n"
    if changed.keys() - nodes and text and not text.endswith("\n"):
        text += newline
    added = [f"{key}: {_scalar(changed[key])}{newline}" for key in changed if key not in nodes]
    return text + "".join(added)


def _end(node: yaml.Node) -> int:
    # a block collection's own end mark lies behind the comments that follow it
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)  # True and False, as in Ultralytics' own files
    text: str = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=float("inf")
    )
    return text.removesuffix("\n").removesuffix("\n...")
