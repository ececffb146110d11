"""The kinds of settings: how each is read, written as a variable and shown to people."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.addresses import shown_address, shown_webhook

_HIDDEN = "set, hidden"


@dataclass(frozen=True)
class SettingKind:
    """What settings of a kind have in common.

    Parameters
    ----------
    read
        Makes the value of what a variable or the settings file says; a `ValueError` has the
        mistakes, each as it goes on after the variable's name.
    shown
        Gives the variable's text as people may see it.
    separator
        Between the entries of a kind that has several.
    """

    read: Callable[[Any], Any] = str
    shown: Callable[[str], str] = str
    separator: str = ","

    def text(self, value: Any) -> str:
        """Write a value as its variable; empty when it is not set."""
        if isinstance(value, tuple):
            return self.separator.join(map(str, value))
        return "" if value is None else str(value)


def _entries(said: Any) -> list[str]:
    entries = said if isinstance(said, list) else str(said).split(",")
    return [str(entry).strip() for entry in entries]


def _path(said: Any) -> Path:
    return Path(said).expanduser().absolute()


def _folders(said: Any) -> tuple[Path, ...]:
    entries = said if isinstance(said, list) else str(said).split(os.pathsep)
    return tuple(_path(entry) for entry in entries if entry)


def _classes(said: Any) -> tuple[str, ...]:
    names = tuple(filter(None, _entries(said)))
    wrong = [name for name in names if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", name)]
    if wrong:
        raise ValueError(
            *(f"has '{name}', not a name such as package.module.Name" for name in wrong)
        )
    return names


def _number(said: Any, lowest: int) -> int:
    if not str(said).isdecimal() or int(said) < lowest:
        raise ValueError(f"is '{said}', not a number from {lowest} up")
    return int(said)


def _address(said: Any, show: Callable[[str], str] = shown_address) -> str:
    address = str(said)
    try:
        is_address = urlsplit(address).port != 0
    except ValueError:  # brackets without an IPv6 address, or a port that is no number
        is_address = False
    if not is_address:
        raise ValueError(f"is '{show(address)}', not an address")
    return address


def _web(said: Any) -> str:
    address = _address(said)
    if not address.startswith(("http://", "https://")):
        raise ValueError(f"is '{shown_address(address)}', not http(s)://…")
    return address


TEXT = SettingKind()
PATH = SettingKind(_path)
FOLDERS = SettingKind(_folders, separator=os.pathsep)
ENGINE_NAMES = SettingKind(lambda said: tuple(dict.fromkeys(_entries(said))))
HOSTS = SettingKind(lambda said: tuple(filter(None, dict.fromkeys(_entries(said)))))
CLASSES = SettingKind(_classes)
POSITIVE = SettingKind(partial(_number, lowest=1))
NUMBER = SettingKind(partial(_number, lowest=0))
ADDRESS = SettingKind(_address, shown_address)
WEB_FOLDER = SettingKind(_web, shown_address)
# Whoever knows the path of a webhook may post to it.
WEBHOOK = SettingKind(
    partial(_address, show=shown_webhook), lambda text: f"{shown_webhook(text)} ({_HIDDEN})"
)
SECRET = SettingKind(shown=lambda text: _HIDDEN)
# What may have a user, a password or a key in it.
ADDRESSES = (ADDRESS, WEB_FOLDER, WEBHOOK)
