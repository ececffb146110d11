"""Reading single values of a yaml, and showing them in messages."""

from __future__ import annotations


def whole_number(value: object) -> int | None:
    """Read a whole number as Ultralytics does: 3, 3.0 and '3'; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if number.is_integer() else None


def quoted(value: object) -> str:
    """Show a value and its type in a message, cut to a readable length."""
    return f"{repr(value)[:60]} ({type(value).__name__})"
