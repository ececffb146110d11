"""Changing values in a yaml text by their own characters: every other byte stays.

A yaml library that reads and writes a file whole moves comments, quotes and blank lines. Here only
the characters of a value are replaced, at the place that the parser gives, and the result is read
again: when it does not hold what was meant, nothing was patched well and the caller is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from pipeline.core.errors import InputError
from pipeline.core.said import said
from pipeline.core.yamltext.file import legible, parse_yaml

# Yaml 1.1 ends lines at these, too; written as they are they are lost or become others.
_OTHER_LINE_ENDS = "\x85\u2028\u2029"


def set_values(text: str, changes: Mapping[Any, Any]) -> str:
    """Give the text with top-level keys changed; new keys come last.

    Raises
    ------
    InputError
        The text is not a yaml mapping, or is written in a way that cannot be patched (aliases, one
        flow mapping for the whole file): edit it as text.
    """
    before = parse_yaml(text, name="yaml").data
    changed = {
        key: value
        for key, value in changes.items()
        if key not in before or not same(before[key], value)
    }
    if not changed:
        return text
    patched = _splice(legible(text), changed)
    if not holds(patched, {**before, **changed}):
        raise unpatchable(next(iter(changed)))
    return patched


def set_names(text: str, names: Sequence[str]) -> str:
    """Give a data yaml's text with these class names, ids counted from 0; see `set_values`.

    Lines of names that stay are not touched. `nc`, where it is given, follows.
    """
    text = legible(text)
    before = parse_yaml(text, name="yaml").data
    given = before.get("names")
    after: Any = list(names) if isinstance(given, list) else dict(enumerate(names))
    patched = _splice_names(text, names, is_list=isinstance(given, list))
    expected = {**before, "names": after}
    if not holds(patched, expected):
        patched = set_values(text, {"names": after})
    if before.get("nc") is not None and before["nc"] != len(names):
        patched = set_values(patched, {"nc": len(names)})
    return patched


def _splice(text: str, changed: Mapping[Any, Any]) -> str:
    """Replace the values' own characters, from the last to the first, and append new keys."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    nodes = {key.value: value for key, value in root.value} if root else {}
    for key in sorted(changed.keys() & nodes, key=lambda key: -nodes[key].start_mark.index):
        text = _replace(text, nodes[key], scalar(changed[key]))
    newline = "\r\n" if "\r\n" in text else "\n"
    if changed.keys() - nodes and text and not text.endswith("\n"):
        text += newline
    added = [
        f"{scalar(key)}: {scalar(changed[key])}{newline}" for key in changed if key not in nodes
    ]
    return text + "".join(added)


def holds(text: str, values: Mapping[Any, Any]) -> bool:
    """Say whether a text reads as these top-level keys and values."""
    try:
        kept = parse_yaml(text, name="yaml").data
    except InputError:
        return False
    return kept.keys() == values.keys() and all(same(kept[key], values[key]) for key in values)


def same(one: Any, other: Any) -> bool:
    """Say whether two values are equal and of one type; NaN is equal to itself."""
    return type(one) is type(other) and bool(one == other or (one != one and other != other))


def _splice_names(text: str, names: Sequence[str], *, is_list: bool) -> str:
    """Change, add and remove lines of a block of names; other forms are given back as they are."""
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if root else []
    node = next((value for key, value in pairs if key.value == "names"), None)
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
        return text
    entries = node.value if is_list else [value for _, value in node.value]
    lines = text.splitlines(keepends=True)
    first = node.value[0] if is_list else node.value[0][0]
    last_line = entries[-1].end_mark.line
    newline = "\r\n" if lines[0].endswith("\r\n") else "\n"
    indent = " " * (first.start_mark.column - (2 if is_list else 0))
    if not lines[last_line].endswith("\n"):
        lines[last_line] += newline
    added = [
        f"{indent}- {scalar(name)}{newline}"
        if is_list
        else f"{indent}{index}: {scalar(name)}{newline}"
        for index, name in enumerate(names)
        if index >= len(entries)
    ]
    lines[last_line + 1 : last_line + 1] = added
    removed = {entry.start_mark.line for entry in entries[len(names) :]}
    for line in sorted(removed, reverse=True):
        del lines[line]
    text = "".join(lines)
    for index in range(min(len(names), len(entries)) - 1, -1, -1):
        if str(entries[index].value) != names[index]:
            text = _replace(text, entries[index], scalar(names[index]))
    return text


def _replace(text: str, node: yaml.Node, value: str) -> str:
    start, end = node.start_mark.index, end_of(node)
    while end > start and text[end - 1].isspace():
        end -= 1
    gap = "" if text[start - 1 : start].isspace() else " "
    return text[:start] + gap + value + text[end:]


def end_of(node: yaml.Node) -> int:
    """Give the index behind a node's last character."""
    # a block collection's own end mark lies behind the comments that follow it
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return end_of(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def scalar(value: Any) -> str:
    """Write a value on one line, as yaml."""
    if isinstance(value, bool):
        return str(value)  # True and False, as in Ultralytics' own files
    text = _dumped(value, allow_unicode=True)
    if any(end in text for end in _OTHER_LINE_ENDS):
        text = _dumped(value, allow_unicode=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _dumped(value: Any, *, allow_unicode: bool) -> str:
    text: str = yaml.safe_dump(
        value,
        default_flow_style=True,
        allow_unicode=allow_unicode,
        sort_keys=False,
        width=float("inf"),
    )
    return text


def unpatchable(key: Any) -> InputError:
    """Give the error of a text that cannot be patched."""
    return InputError(
        said("'{key}' cannot be changed without touching the rest of the file.", key=key),
        where=str(key),
        next=said("Change it in the text."),
    )
