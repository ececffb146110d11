"""Sentences that remember what they were made of, so that pages can say them in other languages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any, Self

from pipeline.core.printable import printable

Value = str | int | float


class Said(str):
    """An English sentence, and the template and values that it was made of.

    Parameters
    ----------
    template
        The sentence as a format string; one without values is taken as it is.
    values
        What it names. One that is `Said` is a sentence, or a part of one, with a translation of
        its own.
    """

    template: str
    values: Mapping[str, Value]

    def __new__(cls, template: str, values: Mapping[str, Value]) -> Self:
        self = super().__new__(cls, template.format(**values) if values else template)
        self.template, self.values = template, values
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[str, dict[str, Value]]]:
        return type(self), (self.template, dict(self.values))

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def over(self, change: Callable[[str], str]) -> Said:
        """Give the sentence with every text among its values changed."""
        return Said(self.template, {name: _over(own, change) for name, own in self.values.items()})


def said(template: str, /, **values: object) -> Said:
    """Say something with values: texts in it can be printed, numbers are formatted by it."""
    return Said(template, {name: _value(value) for name, value in values.items()})


def either(words: Iterable[str]) -> str:
    """Join words of which one is meant: ``a or b``."""
    return reduce(lambda one, two: said("{one} or {two}", one=one, two=two), words)


def as_json(document: Any) -> str:
    """Write a document in which each `Said` can be told from a plain text."""
    return json.dumps(_to_json(document))


def read_json(text: str | bytes) -> Any:
    """Read what `as_json` wrote."""
    return json.loads(text, object_hook=_from_json)


def _to_json(value: Any) -> Any:
    if isinstance(value, Said):
        return {"said": value.template, "values": _to_json(value.values)}
    if isinstance(value, Mapping):
        return {key: _to_json(own) for key, own in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(own) for own in value]
    return value


def _from_json(document: dict[str, Any]) -> Any:
    if document.keys() == {"said", "values"} and isinstance(document["said"], str):
        return Said(document["said"], document["values"])
    return document


def _value(value: object) -> Value:
    if isinstance(value, (int, float, Said)):
        return value
    text = str(value)
    return text if text.isascii() else printable(text)


def _over(value: Value, change: Callable[[str], str]) -> Value:
    if isinstance(value, Said):
        return value.over(change)
    return change(value) if isinstance(value, str) else value
