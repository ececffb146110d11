"""Loading yaml from people: safe, bounded, and with the line of every key."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import InputError
from pipeline.core.files import read_text
from pipeline.core.printable import one_line
from pipeline.core.said import said

MAX_NODES = 200_000
MAX_DEPTH = 50
_MAX_DIGITS = 400  # the largest float has 309
# Ultralytics reads a file without these, too: no yaml may hold them.
_NO_LETTERS = re.compile(r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
_MERGE = "tag:yaml.org,2002:merge"
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):  # type: ignore[misc]
    """PyYAML's, without numbers that take minutes to work out or that Python does not print."""

    def construct_yaml_int(self, node: yaml.ScalarNode) -> Any:
        return super().construct_yaml_int(_sane_number(node))

    def construct_yaml_float(self, node: yaml.ScalarNode) -> Any:
        return super().construct_yaml_float(_sane_number(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


@dataclass(frozen=True)
class YamlFile:
    """A parsed yaml file.

    Parameters
    ----------
    name
        How people know the file: its path relative to the volume.
    text
        The text without byte order mark.
    data
        The top-level mapping.
    lines
        Line (from 1) of each key; nested keys as tuples, ``("names", 0)``.
    """

    name: str
    text: str
    data: dict[Any, Any]
    lines: dict[tuple[Hashable, ...], int]

    def where(self, *keys: Hashable) -> str:
        """Give ``file:line`` of a key, or the file's name when the key is not there."""
        line = self.lines.get(keys)
        return f"{self.name}:{line}" if line else self.name


def load_yaml(path: Path, *, shown_as: str = "") -> YamlFile:
    """Read and parse a yaml file; see `parse_yaml` and `pipeline.core.files.read_text`."""
    name = shown_as or str(path)
    return parse_yaml(read_text(path, shown_as=name), name=name)


def legible(text: str) -> str:
    """Give a text without the control characters that yaml does not know."""
    return text if text.isprintable() else _NO_LETTERS.sub("", text)


def parse_yaml(text: str, *, name: str) -> YamlFile:
    """Parse yaml text whose top level is a mapping; control characters are left out.

    Raises
    ------
    InputError
        Syntax, python tags, duplicate keys, more than `MAX_NODES` nodes, also after aliases are
        unfolded ("yaml bomb"), more than `MAX_DEPTH` levels, numbers of more than 400 digits, or a
        top level that is no mapping; `where` names the line.
    """
    given, text = text, legible(text)
    if given.strip() and not text.strip():
        raise InputError(
            said("it holds nothing but control characters, so it is no yaml text."),
            where=name,
            next=said("Copy the file anew from where it came from."),
        )
    try:
        _check_shape(text, name)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return YamlFile(name, text, {}, {})
            _check_size(node, name)
            if not isinstance(node, yaml.MappingNode):
                raise InputError(
                    said("the top level is a {kind}, not a mapping.", kind=node.id),
                    where=f"{name}:{node.start_mark.line + 1}",
                    next=said("Write one 'key: value' a line."),
                )
            lines: dict[tuple[Hashable, ...], int] = {}
            _collect_lines(loader, node, (), lines, name)
            return YamlFile(name, text, loader.construct_document(node), lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as reason:
        mark = reason.problem_mark or reason.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise InputError(
            said("not valid yaml: {reason}.", reason=reason.problem or reason.context),
            where=where,
            next=said("Correct this line."),
        ) from reason
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as reason:
        raise InputError(
            said("not valid yaml: {reason}.", reason=one_line(reason)), where=name
        ) from reason
    except RecursionError as reason:
        raise InputError(
            said("the yaml is nested too deeply."), where=name, next=said("Flatten it.")
        ) from reason


def _sane_number(node: yaml.ScalarNode) -> yaml.ScalarNode:
    if isinstance(node.value, str) and len(node.value) > _MAX_DIGITS:
        problem = f"a number of more than {_MAX_DIGITS} digits"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    return node


def _check_shape(text: str, name: str) -> None:
    """Refuse what is too deep or too large to build: libyaml's composer recurses on C's stack."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_Safe):
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            depth += isinstance(event, yaml.CollectionStartEvent)
            nodes += 1
        if depth > MAX_DEPTH:
            where = f"{name}:{event.start_mark.line + 1}" if event.start_mark else name
            raise InputError(
                said("the yaml is nested too deeply."), where=where, next=said("Flatten it.")
            )
        if nodes > MAX_NODES:
            raise InputError(
                said("the yaml has more than {most:,} nodes.", most=MAX_NODES), where=name
            )


def _check_size(root: yaml.Node, name: str) -> None:
    """Refuse a document whose aliases unfold to too many nodes, without unfolding them."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        key = id(node)
        if key in sizes:
            return sizes[key]
        if key in open_nodes:
            raise InputError(
                said("an alias contains itself."), where=f"{name}:{node.start_mark.line + 1}"
            )
        open_nodes.add(key)
        total = 1
        if isinstance(node, yaml.SequenceNode):
            total += sum(size(child) for child in node.value)
        elif isinstance(node, yaml.MappingNode):
            total += sum(size(k) + size(v) for k, v in node.value)
        open_nodes.discard(key)
        sizes[key] = total
        return total

    if size(root) > MAX_NODES:
        raise InputError(
            said("the yaml unfolds to more than {most:,} nodes.", most=MAX_NODES),
            where=name,
            next=said("Remove the aliases (&name, *name)."),
        )


def _collect_lines(
    loader: Any,
    node: yaml.Node,
    prefix: tuple[Hashable, ...],
    lines: dict[tuple[Hashable, ...], int],
    name: str,
) -> None:
    if len(prefix) > 2:
        return
    if isinstance(node, yaml.MappingNode):
        first: dict[tuple[type, Hashable], int] = {}  # 1 and yes are equal, but not the same
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                is_list = isinstance(value_node, yaml.SequenceNode)
                merged += value_node.value if is_list else [value_node]
                continue
            key = loader.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                key = str(key)
            line = key_node.start_mark.line + 1
            if (type(key), key) in first:
                raise InputError(
                    said(
                        "'{key}' is given twice, first in line {first}.",
                        key=key,
                        first=first[type(key), key],
                    ),
                    where=f"{name}:{line}",
                    next=said("Remove one of them."),
                )
            first[type(key), key] = lines[(*prefix, key)] = line
            _collect_lines(loader, value_node, (*prefix, key), lines, name)
        for other in merged:  # what stands in the mapping itself counts
            inherited: dict[tuple[Hashable, ...], int] = {}
            _collect_lines(loader, other, prefix, inherited, name)
            lines |= inherited | lines
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            lines[(*prefix, index)] = child.start_mark.line + 1
            _collect_lines(loader, child, (*prefix, index), lines, name)


def has_merges(node: yaml.MappingNode) -> bool:
    """Say whether a mapping takes keys over from another one (``<<: *other``)."""
    return any(key.tag == _MERGE for key, _ in node.value)
