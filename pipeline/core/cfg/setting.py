"""What is known about one setting of a training cfg, and short ways to say it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["int", "float", "bool", "choice", "str", "list"]
Names = Literal["", "weights", "other"]


@dataclass(frozen=True)
class Setting:
    """One setting of a training cfg.

    Parameters
    ----------
    key
        Name in the cfg.
    kind
        What a value usually is, and so which widget fits.
    default
        Ultralytics' default.
    help
        One line for people.
    low, high
        Limits, both included; None means no limit.
    choices
        Allowed values of kind ``choice``; text is compared without case.
    also
        Further kinds that are accepted, such as a list for ``imgsz``.
    nullable
        Whether ``null`` is accepted.
    group
        A key of `pipeline.core.cfg.schema.GROUPS`.
    is_common
        Whether most people want to see it.
    owned
        Why Slipway sets this itself; empty when it is free.
    names
        What Ultralytics would open, fetch or write under a text: ``weights``, which it unpickles,
        or some ``other`` file, folder or address. Empty where no text is ever that.
    """

    key: str
    kind: Kind
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    also: tuple[Kind, ...] = ()
    nullable: bool = False
    group: str = ""
    is_common: bool = False
    owned: str = ""
    names: Names = ""

    def accepts(self, kind: Kind) -> bool:
        """Say whether values of this kind are taken, as the usual or as a further one."""
        return kind in (self.kind, *self.also)


def number(
    key: str, default: float | None, help: str, low: float | None = 0.0, **more: Any
) -> Setting:
    """Make a setting that takes any number; None as default makes it nullable."""
    return Setting(key, "float", default, help, low=low, nullable=default is None, **more)


def fraction(key: str, default: float | None, help: str, **more: Any) -> Setting:
    """Make a setting between 0 and 1."""
    return number(key, default, help, 0.0, high=1.0, **more)


def whole(key: str, default: int | None, help: str, low: float | None = 0, **more: Any) -> Setting:
    """Make a setting that takes whole numbers."""
    return Setting(key, "int", default, help, low=low, nullable=default is None, **more)


def flag(key: str, default: bool | None, help: str) -> Setting:
    """Make a setting that is on or off; None as default lets Ultralytics decide."""
    return Setting(key, "bool", default, help, nullable=default is None)


def choice(key: str, default: Any, help: str, options: Iterable[Any], **more: Any) -> Setting:
    """Make a setting with named values."""
    return Setting(key, "choice", default, help, choices=tuple(options), **more)


def text(key: str, default: str | None, help: str, owned: str = "", **more: Any) -> Setting:
    """Make a setting that takes text or nothing."""
    return Setting(key, "str", default, help, nullable=True, owned=owned, **more)
