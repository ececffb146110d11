"""What findings say can be translated: `said` makes every sentence, with its values by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pipeline

ROOT = Path(pipeline.__file__).parent
NOT_YET: tuple[str, ...] = ()
FILES = [
    path
    for path in sorted(ROOT.rglob("*.py"))
    if not path.relative_to(ROOT).as_posix().startswith(NOT_YET)
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_findings_say_what_can_be_translated(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assigned = {name: value for function in ast.walk(tree) for name, value in assignments(function)}
    wrong = [
        node.lineno
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and is_finding(call)
        for node in sentences(call)
        if is_plain(node) or (isinstance(node, ast.Name) and is_plain(assigned.get(node.id)))
    ]
    assert not wrong


def is_finding(call: ast.Call) -> bool:
    """Say whether a call is one of `error`, `warning` and `info`, which have a code first."""
    called = call.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    owner = getattr(called.value, "id", "") if isinstance(called, ast.Attribute) else "say"
    return name in ("error", "warning", "info") and owner in ("say", "findings")


def sentences(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args[1:2]
    yield from (given.value for given in call.keywords if given.arg in ("message", "next"))


def assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Give what is assigned to a name, as long as it is a plain text there."""
    if not isinstance(node, ast.Assign):
        return
    for target in node.targets:
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=True))
        for one, value in pairs:
            if isinstance(one, ast.Name) and is_plain(value):
                yield one.id, value


def is_plain(node: ast.expr | None) -> bool:
    if isinstance(node, ast.IfExp):
        return is_plain(node.body) or is_plain(node.orelse)
    if isinstance(node, ast.BoolOp):
        return any(map(is_plain, node.values))
    if isinstance(node, ast.BinOp):
        return is_plain(node.left) or is_plain(node.right)
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != ""
    )
