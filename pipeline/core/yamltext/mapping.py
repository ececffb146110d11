"""Making a yaml text hold another document, by changing only the lines of what differs.

`yaml_edit.set_values` changes whole top-level values; here mappings inside mappings are followed,
so that comments between their keys stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from pipeline.core.yamltext.edit import end_of, holds, same, scalar, unpatchable
from pipeline.core.yamltext.file import has_merges, legible, parse_yaml


class _Edit(NamedTuple):
    """Replace the characters from start to end."""

    start: int
    end: int
    text: str


def set_document(text: str, after: Mapping[Any, Any]) -> str:
    """Give the text changed so that it reads as `after`; what is the same is not touched.

    New keys come last in their mapping.

    Raises
    ------
    InputError
        The text is not a yaml mapping, or is written in a way that cannot be patched (aliases).
    """
    before = parse_yaml(text, name="yaml").data
    if same(before, dict(after)):
        return text
    text = legible(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if isinstance(root, yaml.MappingNode):
        edits = _changes(text, root, before, after, newline)
    else:
        edits = [_Edit(len(text), len(text), _lines(after, 0, newline))]
    # from the last to the first; of those at one place the outer mapping's come later in the text
    edits.reverse()
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    if not holds(text, after):
        changed = [key for key in {**before, **after} if not _is_equal(before, after, key)]
        raise unpatchable(next(iter(changed), "yaml"))
    return text


def _changes(
    text: str,
    node: yaml.MappingNode,
    before: Mapping[Any, Any],
    after: Mapping[Any, Any],
    newline: str,
) -> list[_Edit]:
    if has_merges(node):
        raise unpatchable(next(iter(before), "yaml"))
    nodes = dict(zip(before, node.value, strict=False))  # without merge keys they are in one order
    if node.flow_style and not before:
        return [_filled(text, node, after, newline)]
    if not after or (node.flow_style and before.keys() != after.keys()):
        return [_Edit(node.start_mark.index, end_of(node), scalar(dict(after)))]
    edits: list[_Edit] = []
    for key, (_, value) in nodes.items():
        if key not in after:
            edits.append(_removed(text, *nodes[key]))
        elif not _is_equal(before, after, key):
            is_flow = bool(node.flow_style)  # where no line may be a block's
            edits += _replaced(text, value, before[key], after[key], newline, is_flow=is_flow)
    if added := {key: after[key] for key in after if key not in before}:
        edits.append(_added(text, node, added, newline))
    return edits


def _replaced(
    text: str, node: yaml.Node, before: Any, after: Any, newline: str, *, is_flow: bool
) -> list[_Edit]:
    is_inner = isinstance(before, dict) and isinstance(after, Mapping)
    if is_inner and isinstance(node, yaml.MappingNode) and (before or not is_flow):
        return _changes(text, node, before, after, newline)
    if before is None and _is_deep(after) and not is_flow:
        return [_filled(text, node, after, newline)]
    start, end = node.start_mark.index, end_of(node)
    while end > start and text[end - 1].isspace():
        end -= 1
    gap = "" if text[start - 1 : start].isspace() else " "
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        gap = "  "  # a list may stand no deeper than its key, what replaces it must
    # inside braces more texts need quotes, which yaml only knows when it writes them there
    written = scalar([after])[1:-1] if is_flow else scalar(after)
    return [_Edit(start, end, gap + written)]


def _filled(text: str, node: yaml.Node, after: Mapping[Any, Any], newline: str) -> _Edit:
    """Write a mapping in place of nothing, or of an empty pair of braces."""
    start, end = node.start_mark.index, end_of(node)
    line = text.rfind("\n", 0, start) + 1
    if not _is_deep(after):
        return _Edit(start, end, ("" if text[start - 1 : start].isspace() else " ") + scalar(after))
    indent = len(text[line:start]) - len(text[line:start].lstrip())
    if text[line:start].strip():  # behind its key
        written = newline + _lines(after, indent + 2, newline)
        start -= len(text[line:start]) - len(text[line:start].rstrip())
    else:
        written = _lines(after, indent, newline).lstrip()
    return _Edit(start, end, written.removesuffix(newline))


def _removed(text: str, key: yaml.Node, value: yaml.Node) -> _Edit:
    """Take out the key's lines; a comment behind the value goes with it, those below stay."""
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    return _Edit(start, _next_line(text, max(end_of(value), key.end_mark.index)), "")


def _added(text: str, node: yaml.MappingNode, entries: Mapping[Any, Any], newline: str) -> _Edit:
    """Put new keys below the last one, as deep as the first."""
    key, value = node.value[-1]
    place = _next_line(text, max(end_of(value), key.end_mark.index))
    lead = "" if text[:place].endswith("\n") else newline
    return _Edit(place, place, lead + _lines(entries, node.start_mark.column, newline))


def _next_line(text: str, index: int) -> int:
    """Give where the next line starts, unless the index is at the start of one already."""
    if text[:index].endswith("\n"):
        return index
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1


def _lines(entries: Mapping[Any, Any], indent: int, newline: str) -> str:
    """Write keys one a line; a mapping of mappings goes on in deeper lines."""
    parts = []
    for key, value in entries.items():
        head = f"{' ' * indent}{scalar(key)}:"
        if _is_deep(value):
            parts.append(f"{head}{newline}{_lines(value, indent + 2, newline)}")
        else:
            parts.append(f"{head} {scalar(value)}{newline}")
    return "".join(parts)


def _is_deep(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(v, Mapping) for v in value.values())


def _is_equal(before: Mapping[Any, Any], after: Mapping[Any, Any], key: Any) -> bool:
    return key in before and key in after and same(before[key], after[key])
