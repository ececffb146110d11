"""Argo's ``{{…}}`` placeholders and ``when`` conditions, as far as kfp 1.8.22 writes them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_OPERAND = r"""("[^"]*"|'[^']*'|[^\s"'=!<>]+)"""
_WHEN = re.compile(rf"^\s*{_OPERAND}\s*(==|!=|<=|>=|<|>)\s*{_OPERAND}\s*$")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


class Unresolved(Exception):
    """A placeholder stands for nothing that is known."""


@dataclass(frozen=True)
class When:
    """A condition, parsed before values are put in, so that no value can change its meaning.

    Parameters
    ----------
    left, right
        Operands without their quotes; they may hold placeholders.
    operator
        One of ``== != <= >= < >``.
    """

    left: str
    operator: str
    right: str

    def is_true(self, values: Mapping[str, str]) -> bool:
        """Compare as numbers when both sides are numbers, else as texts, as Argo does."""
        left, right = fill(self.left, values), fill(self.right, values)
        compare = _COMPARE[self.operator]
        try:
            return compare(float(left), float(right))
        except ValueError:
            return compare(left, right)

    def why_false(self, values: Mapping[str, str]) -> str:
        """Say in words why the condition does not hold: ``bool_tune is not True``."""
        name = self.left.strip("{} ").rsplit(".", 1)[-1]
        right = fill(self.right, values)
        if self.operator == "==":
            return f"{name} is not {right}"
        return f"{name} {self.operator} {right} does not hold"


def parse_when(text: str) -> When:
    """Parse a condition of one comparison.

    Raises
    ------
    ValueError
        It is of another form.
    """
    match = _WHEN.match(text)
    if not match:
        raise ValueError(f"'{text}' is not one comparison such as '\"{{{{x}}}}\" == \"True\"'")
    left, symbol, right = match.groups()
    return When(_bare(left), symbol, _bare(right))


def references(text: str) -> list[str]:
    """List what the placeholders of a text refer to."""
    return [match.strip() for match in _PLACEHOLDER.findall(text)]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in for placeholders, once: a value that holds ``{{…}}`` stays as it is.

    Raises
    ------
    Unresolved
        A placeholder is not among the values.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name not in values:
            raise Unresolved(f"{{{{{name}}}}} has no value")
        return values[name]

    return _PLACEHOLDER.sub(value, text)


def _bare(operand: str) -> str:
    return operand[1:-1] if operand[0] in "\"'" else operand
