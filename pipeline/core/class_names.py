"""Names of classes that tell them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping


def unique_names(names: Mapping[int, str]) -> dict[int, str]:
    """Give class names that differ: a repeated one gets its class id behind it."""
    found = dict(names)
    # What comes of one may be the name of another, which then gets its id, too.
    while repeated := {name for name, times in Counter(found.values()).items() if times > 1}:
        found = {
            index: f"{name} ({index})" if name in repeated else name
            for index, name in found.items()
        }
    return found


def unique_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Give the same for names in the order of their ids."""
    return tuple(unique_names(dict(enumerate(labels))).values())
