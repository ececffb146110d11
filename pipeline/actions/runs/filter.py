"""What a person types to find runs: words, ``user:kim``, ``lr0>0.01``, ``mAP50-95>=0.5``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.actions.runs.model import RunFacts
from pipeline.core.volume.run_note import RunNote

_COMPARISON = re.compile(r"([\w./()-]+?)(>=|<=|!=|>|<|=)(.+)")
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
FIELDS: Mapping[str, Callable[[RunFacts, RunNote], str]] = {
    "launch": lambda facts, _: facts.launch,
    "run": lambda facts, _: facts.id,
    "engine": lambda facts, _: facts.engine,
    "user": lambda facts, _: facts.user,
    "model": lambda facts, _: facts.model,
    "cfg": lambda facts, _: facts.cfg,
    "data": lambda facts, _: facts.data,
    "experiment": lambda facts, _: facts.experiment,
    "note": lambda _, note: note.text,
    "tags": lambda _, note: " ".join(note.tags),
}


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

    def fits_text(self, facts: RunFacts, note: RunNote) -> bool:
        """Say whether words and fields fit; comparisons are not looked at."""
        if not (self.words or self.fields):
            return True
        texts = {field: text(facts, note).lower() for field, text in FIELDS.items()}
        everything = " ".join(texts.values())
        return all(word in everything for word in self.words) and all(
            part in texts[field] for field, part in self.fields
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
