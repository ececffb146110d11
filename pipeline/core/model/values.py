"""The single values of a model yaml: what is a number, a constant or an activation, and how large.

Ultralytics evaluates such text. A grammar decides what it may see, not Python's parser: what is
accepted here is all that can be evaluated.
"""

from __future__ import annotations

import re
import reprlib
from typing import Any

from pipeline.core.model.names import ACTIVATIONS, WORDS

LARGEST = 8_192
MAX_CLASSES = 100_000
MOST_VALUES = 100  # of one argument, and of one layer
_CONSTANTS: dict[str, Any] = {"None": None, "True": True, "False": False}
_NUMBER = re.compile(
    r"[+-]?(?:(?:0|[1-9]\d{0,15})(?:\.\d{0,20})?|\.\d{1,20})(?:e[+-]?\d{1,3})?", re.A
)
_CALL = re.compile(r"(?:torch\.)?nn\.(?P<name>[A-Za-z0-9]+)\((?P<arguments>[^()]*)\)", re.A)
_NAMED = re.compile(r"(?:[a-z_]+ *= *)?(?P<value>.+)", re.A)
_LONGEST = 200  # characters of an activation
_DEEPEST = 4
_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 60


def is_number(value: Any) -> bool:
    """Say whether a value is a plain int or float: no bool, no subclass of a pickle's making."""
    return type(value) in (int, float)


def is_whole(value: Any, low: int, high: int) -> bool:
    """Say whether a value is a plain int in a range."""
    return type(value) is int and low <= value <= high


def constant(text: str) -> Any:
    """Give what a text is as a number, None, True or False.

    Raises
    ------
    ValueError
        It is nothing of these.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def is_activation(text: Any) -> bool:
    """Say whether a text calls an activation of torch.nn: ``nn.LeakyReLU(0.1)``."""
    if type(text) is not str or len(text) > _LONGEST:
        return False
    call = _CALL.fullmatch(text.strip(" "))
    if not call or call["name"] not in ACTIVATIONS:
        return False
    arguments = call["arguments"].strip(" ")
    return not arguments or all(map(_is_activation_argument, arguments.split(",")))


def leaves(value: Any) -> list[Any] | None:
    """Give the single values of an argument, lists unfolded.

    Returns
    -------
    list or None
        None when there are more than `MOST_VALUES`, or lists in lists in lists: no layer takes
        that, and a list that holds itself, which a yaml or a pickle can make, has no end.
    """
    found: list[Any] = []
    left, seen = [(value, 0)], 0
    while left:
        item, depth = left.pop()
        seen += 1
        if type(item) not in (list, tuple):
            found.append(item)
        elif depth < _DEEPEST and len(item) <= MOST_VALUES:
            left += [(inner, depth + 1) for inner in reversed(item)]
        else:
            return None
        if seen > 2 * MOST_VALUES:
            return None
    return found if len(found) <= MOST_VALUES else None


def size(value: Any) -> float | None:
    """Give how large a number is, also one that is written as text; None for anything else."""
    if type(value) is str:
        try:
            value = constant(value)
        except ValueError:
            return None
    return abs(value) if is_number(value) else None


def shown(value: Any) -> str:
    """Show a value and its type, short however large or nested it is."""
    return f"{short(value)} ({type(value).__name__})"


def short(value: Any) -> str:
    """Show a value, short however large or nested it is."""
    return _repr.repr(value)[:80]


def _is_activation_argument(text: str) -> bool:
    found = _NAMED.fullmatch(text.strip(" "))
    if not found:
        return False
    value = found["value"]
    if value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1] in WORDS
    number = size(value)
    return value in _CONSTANTS if number is None else number <= LARGEST
