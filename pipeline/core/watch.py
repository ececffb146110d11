"""Being told how far something long is, and stopping it."""

from __future__ import annotations

from collections.abc import Callable

# Called now and then with the phase, how much of it is done, and of how much; it may raise
# `Stopped` to end what is going on.
Watch = Callable[[str, int, int], None]


def nobody(phase: str, done: int, total: int) -> None:
    """Watch nothing."""
