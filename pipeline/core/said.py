"""Sentences that remember what they were made of, so that pages can say them in other languages."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any, Self

from pipeline.core.printable import printable

Value = str | int | float
# What a template that somebody kept may ask of a value: nothing that takes long or looks inside.
_FORMAT = re.compile(r"[,+]?0?\d?(\.\d)?[a-z%]?")
_LONGEST = 4096


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


def sentences(*texts: str) -> str:
    """Join sentences by spaces."""
    return joined(texts, " ")


def joined(texts: Iterable[str], between: str = "; ") -> str:
    """Join texts of which some may be empty; the whole remembers what they were made of."""
    return reduce(
        lambda one, two: Said(f"{{one}}{between}{{two}}", {"one": one, "two": two}),
        list(filter(None, texts)) or [""],
    )


def kept(text: str) -> dict[str, Any] | None:
    """Give what is kept of a sentence beside its text, as JSON; None for a plain text."""
    return _to_json(text) if isinstance(text, Said) else None


def recalled(text: str, document: Any) -> str:
    """Give a text as the sentence that it was; as it is where `document` would not make it.

    Parameters
    ----------
    document
        What `kept` gave. It may come from anybody.
    """
    try:
        sentence = _recalled(document)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
        return text
    return sentence if sentence == text else text


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


def _recalled(document: Any) -> Said:
    template = document["said"]
    values = {
        name: _recalled(value) if isinstance(value, dict) else value
        for name, value in document["values"].items()
    }
    if not all(isinstance(value, Value) for value in values.values()):
        raise TypeError(document)
    for _, name, spec, conversion in string.Formatter().parse(template) if values else ():
        if name is not None and not (name in values and _FORMAT.fullmatch(spec or "")):
            raise ValueError(template)
        if conversion:
            raise ValueError(template)
    parts = (template, *(value for value in values.values() if isinstance(value, str)))
    if max(map(len, parts)) > _LONGEST:
        raise ValueError(template)
    return Said(template, values)


def _value(value: object) -> Value:
    if isinstance(value, (int, float, Said)):
        return value
    text = str(value)
    return text if text.isascii() else printable(text)


def _over(value: Value, change: Callable[[str], str]) -> Value:
    if isinstance(value, Said):
        return value.over(change)
    return change(value) if isinstance(value, str) else value
