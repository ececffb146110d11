"""Walking a document beside the shape that it may have: both engines name what they do not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.findings import Finding, error
from pipeline.core.said import said

# A mapping of fields to shapes, a list with the shape of its entries, or what looks at the rest.
Shape = Mapping[str, Any] | list[Any] | Callable[[Any, str], Iterable[Finding]]


def anything(value: Any, path: str) -> Iterable[Finding]:
    """Let whatever is there pass: the shape of what is not looked into."""
    return ()


@dataclass(frozen=True)
class Shapes:
    """Compares documents with shapes.

    Parameters
    ----------
    unknown
        Makes the finding for a field that a shape does not have, from its path.
    may_be_null
        Whether null stands for what is not there.
    """

    unknown: Callable[[str], Finding]
    may_be_null: bool = False

    def check(self, value: Any, shape: Shape, path: str = "") -> Iterator[Finding]:
        """Name every field that is not in the shape, and what has another form."""
        if value is None and self.may_be_null:
            return
        if callable(shape):
            yield from shape(value, path)
            return
        if isinstance(shape, list) and isinstance(value, list):
            for index, child in enumerate(value):
                yield from self.check(child, shape[0], f"{path}[{_label(child, index)}]")
        elif isinstance(shape, Mapping) and isinstance(value, Mapping):
            for key, child in value.items():
                where = f"{path}.{key}" if path else str(key)
                if key in shape:
                    yield from self.check(child, shape[key], where)
                else:
                    yield self.unknown(where)
        else:
            wanted = "list" if isinstance(shape, list) else "mapping"
            message = said(
                "{what} is {name}, not a {wanted}.",
                what=path or "the workflow",
                name=type(value).__name__,
                wanted=wanted,
            )
            yield error(
                "wrong-shape", message, where=path, next=said("Compile the pipeline again.")
            )


def _label(entry: Any, index: int) -> str:
    """Name a list entry by its name where it has one: that is what a person searches for."""
    return str(entry.get("name", index)) if isinstance(entry, Mapping) else str(index)
