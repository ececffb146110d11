"""What a pickle of weights made, looked through: names kept as values, and models' yaml."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from pipeline.core.weights.calls import ATOMS, Made, Pairs
from pipeline.core.weights.names import VALUES, Name
from pipeline.core.weights.stack import Malformed

# A yaml of Ultralytics has some 400.
_MAX_YAML_VALUES = 20_000
_MAX_YAML_DEPTH = 12
_MAX_YAML_INT = 1 << 31
_PARTS = {"backbone", "head"}
_KEYS = _PARTS | {"activation"}


def everything(roots: Iterable[Any]) -> list[Any]:
    """Give all values that are reachable, each once; nothing recurses, a file may be deep."""
    seen: set[int] = set()
    left, found = [*roots], []
    while left:
        value = left.pop()
        if isinstance(value, ATOMS) or id(value) in seen:
            continue
        seen.add(id(value))
        found.append(value)
        left.extend(children(value))
    return found


def children(value: Any) -> Sequence[Any]:
    """Give what a value holds; a method's object and class are no values of the file."""
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, Pairs):
        return (*value.items, *value.states)
    if isinstance(value, Made) and value.kind != "method":
        return (*value.args, *value.states)
    return ()


def kept_names(values: Iterable[Any], allow: Collection[str]) -> list[str]:
    """List classes and functions that objects keep, to be called by whoever uses them."""
    kept = (value.full for value in values if isinstance(value, Name))
    return [name for name in dict.fromkeys(kept) if name not in VALUES and name not in allow]


def model_yamls(values: Sequence[Any]) -> tuple[dict[Any, Any], ...]:
    """Give each dict of which Ultralytics might build a model, as Python's own.

    That is each ``yaml`` of an object, and any dict with one of a model yaml's own keys: what is
    evaluated first is evaluated even if the rest is missing. What is not plain data in one stays a
    stand-in.

    Raises
    ------
    Malformed
        One is too large to be a model's yaml, or has keys that no yaml has; or an object's yaml is
        no dict, which Ultralytics would take for the name of a file.
    """
    states = [state for value in values for state in states_of(value)]
    own = [yaml for state in states for yaml in state.get("yaml") if yaml is not None]
    if not all(isinstance(yaml, Pairs) and yaml.keys() >= _PARTS for yaml in own):
        raise Malformed("a model in it has a yaml without 'backbone' and 'head'")
    no_yamls = {id(entry) for state in states for entry in (state, *state.get("_modules"))}
    others = [
        value
        for value in values
        if isinstance(value, Pairs) and id(value) not in no_yamls and _KEYS & value.keys()
    ]
    plain = _Plain()
    return tuple(plain.of(yaml) for yaml in {id(yaml): yaml for yaml in own + others}.values())


def states_of(value: Any) -> list[Pairs]:
    """Give the attributes that were given to an object."""
    states = value.states if isinstance(value, (Made, Pairs)) else []
    return [state for state in states if isinstance(state, Pairs)]


class _Plain:
    """Makes dicts and lists of stand-ins; what all of them together may hold is limited."""

    def __init__(self) -> None:
        self._left = _MAX_YAML_VALUES

    def of(self, value: Any, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0 or depth > _MAX_YAML_DEPTH:
            raise Malformed("a dict with 'backbone' and 'head' is too large for a model's yaml")
        if isinstance(value, Pairs):
            keys, values = value.items[::2], value.items[1::2]
            return {
                self._key(key): self.of(entry, depth + 1)
                for key, entry in zip(keys, values, strict=True)
            }
        if isinstance(value, (list, tuple)):
            entries = (self.of(entry, depth + 1) for entry in value)
            return type(value)(entries)
        return value

    def _key(self, key: Any) -> Any:
        is_small = isinstance(key, int) and abs(key) < _MAX_YAML_INT
        if not is_small and not isinstance(key, (str, float, bool, type(None))):
            raise Malformed("a dict with 'backbone' and 'head' has a key that no yaml has")
        return key
