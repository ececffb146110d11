"""The options that several commands share, and how their values are read."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from pipeline.core.errors import UsageError
from pipeline.core.launch.kinds.registry import all_choices
from pipeline.core.settings import SETTINGS

STATES = ("pending", "running", "succeeded", "failed", "stopped", "unknown")
_NO_VALUE = re.compile(r"--[\w-]+=--")
_MOST = 999_999_999


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse would print and exit."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        for word in args or ():
            if _NO_VALUE.fullmatch(word):  # argparse takes the dashes away, and leaves no text
                self.error(f"{word.removesuffix('=--')}: '--' is no value")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}.", next=f"See '{self.prog} --help'.")


def shared_options(*, has_state: bool = True) -> Parser:
    """Options that may stand before and after the command; ``runs --state`` means another thing."""
    options = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = options.add_argument_group("settings")
    for entry in SETTINGS:
        if entry.option and (has_state or entry.name != "state"):
            flag, metavar, help = entry.option
            group.add_argument(flag, metavar=metavar, dest=entry.name, help=help)
    group.add_argument("--json", action="store_true", help="print one JSON document")
    return options


def choice_options(parser: Parser) -> None:
    """Add what a launch is made of; what is not given is left out of the arguments."""
    add = parser.add_argument_group("choices", argument_default=argparse.SUPPRESS).add_argument
    _add_choices(add)
    _search_options(add)


def sweep_options(parser: Parser) -> None:
    """Add what a sweep is made of: several models, cfgs and seeds, all else once."""
    add = parser.add_argument_group("choices", argument_default=argparse.SUPPRESS).add_argument
    several = "; more than one may be given"
    add("--model", metavar="NAME", dest="models", action="append", help=f"model{several}")
    add("--cfg", metavar="NAME", dest="cfgs", action="append", help=f"cfg{several}")
    add("--seed", metavar="N", dest="seeds", action="append", type=number, help=f"seed{several}")
    add("--name", metavar="TAG", dest="tag", help="of the sweep; one that exists is gone on with")
    _add_choices(add, but=("model", "cfg", "name"))
    _search_options(add)


class StateOrFolder(argparse.Action):
    """``runs --state``: runs in a state, or the folder that ``--state`` is for all commands."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, word: Any, _: Any = ""
    ) -> None:
        if word in STATES:
            namespace.run_state = word
        elif os.sep in word or word in (".", "..") or os.path.isdir(word):
            namespace.state = word
        else:
            known = ", ".join(STATES)
            raise argparse.ArgumentError(self, f"'{word}' is none of {known}, and no folder")


def names(text: str) -> tuple[str, ...]:
    """Read ``a,b`` for argparse."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def number(text: str) -> int:
    """Read a whole number from 0 up for argparse."""
    return _whole(text, 0)


def positive(text: str) -> int:
    """Read a whole number from 1 up for argparse."""
    return _whole(text, 1)


def share(text: str) -> float:
    """Read a number from 0 to 1 for argparse."""
    with suppress(ValueError):
        if 0 <= float(text) <= 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 to 1")


def _whole(text: str, least: int) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST))
    if is_number and least <= int(text) <= _MOST:
        return int(text)
    message = f"'{text}' is not a whole number from {least} to {_MOST:,}"
    raise argparse.ArgumentTypeError(message)


def _add_choices(add: Callable[..., argparse.Action], but: Collection[str] = ()) -> None:
    """Add an option for each choice that has a flag, as its field says and its type takes it."""
    for entry in all_choices():
        if not entry.flag or entry.name in but:
            continue
        said: dict[str, Any] = {"dest": entry.name, "help": entry.help or None}
        if isinstance(entry.default, bool):
            add(entry.flag, action=argparse.BooleanOptionalAction, **said)
        elif isinstance(entry.default, (Mapping, tuple)):
            add(entry.flag, metavar=entry.metavar, action="append", **said)
        else:
            is_number = isinstance(entry.default, int)
            add(entry.flag, metavar=entry.metavar, type=number if is_number else str, **said)


def _search_options(add: Callable[..., argparse.Action]) -> None:
    presets = "default, learning rate, augmentation, loss weights or all"
    add("--tune-preset", metavar="NAME", dest="preset", help=f"search {presets}")
    ranges = "KEY=LOW..HIGH[:log|int] or KEY=a|b: search this too; more than one may be given"
    add("--search", metavar="RANGE", dest="ranges", action="append", help=ranges)
    add("--trials", metavar="N", type=positive, help="how many the search tries")
