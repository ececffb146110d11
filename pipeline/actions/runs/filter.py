"""What a person types to find runs: words, ``user:kim``, ``lr0>0.01``, ``mAP50-95>=0.5``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_COMPARISON = re.compile(r"([\w./()-]+?)(>=|<=|!=|>|<|=)(.+)")
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
FIELDS = ("launch", "run", "engine", "user", "model", "cfg", "data", "experiment", "note", "tags")


@dataclass(frozen=True)
class Comparison:
    """One condition on a parameter or metric: ``lr0>0.01``."""

    key: str
    sign: str
    value: str

    def fits(self, actual: Any) -> bool:
        """Compare as numbers when both are, else as text, which is only equal or not."""
        if actual is None:
            return False
        try:
            return _SIGNS[self.sign](float(actual), float(self.value))
        except (TypeError, ValueError):
            is_equal = str(actual).lower() == self.value.lower()
            return {"=": is_equal, "!=": not is_equal}.get(self.sign, False)


@dataclass(frozen=True)
class Query:
    """What was typed, taken apart; everything must fit.

    Parameters
    ----------
    words
        Each is somewhere in the run's `FIELDS`.
    fields
        (field, part of its value).
    comparisons
        Conditions on parameters and metrics.
    """

    words: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    comparisons: tuple[Comparison, ...] = ()

    def fits_text(self, row: Mapping[str, Any]) -> bool:
        """Say whether words and fields fit; comparisons are not looked at."""
        everything = " ".join(_text(row, field) for field in FIELDS)
        return all(word in everything for word in self.words) and all(
            part in _text(row, field) for field, part in self.fields
        )


def parse_query(text: str) -> Query:
    """Take apart what was typed; there is nothing that cannot be read, a word is a word."""
    words, fields, comparisons = [], [], []
    for part in text.split():
        name, _, value = part.partition(":")
        field = {"tag": "tags"}.get(name.lower(), name.lower())
        match = _COMPARISON.fullmatch(part)
        if value and field in FIELDS:
            fields.append((field, value.lower()))
        elif match:
            comparisons.append(Comparison(*match.groups()))
        else:
            words.append(part.lower())
    return Query(tuple(words), tuple(fields), tuple(comparisons))


def _text(row: Mapping[str, Any], field: str) -> str:
    value = row.get(field, "")
    return (" ".join(value) if isinstance(value, tuple) else str(value)).lower()
