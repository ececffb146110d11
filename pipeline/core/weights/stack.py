"""The stack of a pickle's machine: what is on it, what is kept, and lists, dicts and sets.

See `pipeline.core.weights.machine`.
"""

from __future__ import annotations

from typing import Any

from pipeline.core.weights.calls import Pairs, is_kind

# The largest models of Ultralytics have 0.2 million.
MAX_OPERATIONS = 1_000_000


class Malformed(Exception):
    """It is no pickle, or one that asks for what no writer of weights does."""


class Stack:
    """What a pickle has made so far; its methods are the instructions that call nothing."""

    def __init__(self) -> None:
        self._left = MAX_OPERATIONS
        self._clear()

    def _clear(self) -> None:
        self._proto = 0
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise Malformed(f"it takes more than {MAX_OPERATIONS:,} steps to read")

    def _mark(self, _: Any) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _pop(self, _: Any) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._since_mark()

    def _text(self, argument: str) -> None:
        """Push text of Python 2, which torch decodes as UTF-8."""
        self._stack.append(argument.encode("latin-1").decode())

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise Malformed(f"it takes number {index}, which it never kept")
        self._stack.append(self._memo[index])

    def _put(self, index: int | None) -> None:
        number = len(self._memo) if index is None else index
        if not 0 <= number <= MAX_OPERATIONS:
            raise Malformed(f"it keeps a number {number}")
        self._memo[number] = self._stack[-1]

    def _proto_is(self, version: int) -> None:
        if version > 5:
            raise Malformed(f"it is of protocol {version}")
        self._proto = version

    def _tuple(self, size: int) -> None:
        items = self._stack[-size:]
        if len(items) < size:
            raise IndexError
        self._stack[-size:] = [tuple(items)]

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if is_kind(target, "any"):
            target.states.append(items)
        elif isinstance(target, list):
            target.extend(items)
        else:
            raise Malformed("it appends to what is no list")

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if is_kind(target, "any"):
            target.states.append(items)
        elif isinstance(target, Pairs) and len(items) % 2 == 0:
            target.items.extend(items)
        else:
            raise Malformed("it sets items of what is no dict")

    def _add_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if is_kind(target, "any"):
            target.states.append(items)
        elif is_kind(target, "value") and target.args and isinstance(target.args[0], list):
            target.args[0].extend(items)
        else:
            raise Malformed("it adds to what is no set")

    def _pop_two(self, _: Any = None) -> list[Any]:
        value = self._stack.pop()
        return [self._stack.pop(), value]
