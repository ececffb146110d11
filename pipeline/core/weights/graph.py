"""What a pickle of weights made, looked through: names kept as values, and models' yaml."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from pipeline.core.weights.calls import ATOMS, Made, Pairs
from pipeline.core.weights.names import VALUES, Name
from pipeline.core.weights.stack import Malformed

# A yaml of Ultralytics has some 400.
_MAX_YAML_VALUES = 20_000
_MAX_YAML_DEPTH = 12
_MAX_YAML_INT = 1 << 31


def kept_names(root: Any, allow: Collection[str]) -> list[str]:
    """List classes and functions that objects keep, to be called by whoever uses them."""
    kept = (value.full for value in _everything(root) if isinstance(value, Name))
    return [name for name in dict.fromkeys(kept) if name not in VALUES and name not in allow]


def model_yamls(root: Any) -> tuple[dict[Any, Any], ...]:
    """Give each dict with a backbone and a head, as Python's own: Ultralytics builds models of it.

    What is not plain data in one stays a stand-in.

    Raises
    ------
    Malformed
        One is too large to be a model's yaml, or has keys that no yaml has.
    """
    plain = _Plain()
    found = []
    for value in _everything(root):
        if _is_model_yaml(value):
            found.append(plain.of(value))
        elif isinstance(value, Made) and not all(map(_has_plain_yaml, value.states)):
            raise Malformed("a model in it has a yaml without 'backbone' and 'head'")
    return tuple(found)


def _is_model_yaml(value: Any) -> bool:
    if not isinstance(value, Pairs):
        return False
    return {"backbone", "head"} <= {key for key in value.items[::2] if isinstance(key, str)}


def _has_plain_yaml(state: Any) -> bool:
    """Say whether a model's own yaml, if it has one, is what is given back to be checked.

    Ultralytics takes anything else for the name of a file.
    """
    if not isinstance(state, Pairs):
        return True
    pairs = zip(state.items[::2], state.items[1::2], strict=True)
    return all(_is_model_yaml(value) or value is None for key, value in pairs if key == "yaml")


def _everything(root: Any) -> Iterator[Any]:
    """Go through all values that are reachable, each once; nothing recurses, a file may be deep."""
    seen: set[int] = set()
    left = [root]
    while left:
        value = left.pop()
        if isinstance(value, ATOMS) or id(value) in seen:
            continue
        seen.add(id(value))
        yield value
        if isinstance(value, (list, tuple)):
            left.extend(value)
        elif isinstance(value, Pairs):
            left.extend((*value.items, *value.states))
        elif isinstance(value, Made):
            left.extend((*value.args, *value.states))


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
