"""The last net: values of secret variables are taken out of whatever is printed or logged."""

from __future__ import annotations

import logging
import os
import re
import traceback
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pipeline.core.addresses import basic_auth, shown
from pipeline.core.query_keys import HIDDEN

_NAMED_SO = re.compile(
    r"\w*(?:PASSWORD|PASSWD|TOKEN|SECRET|COOKIE|CREDENTIALS?|WEBHOOK_URL|(?<!PUBLIC_)KEY|KEY_ID)"
    r"|SLIPWAY_SECRET_\w+"
)
_NO_SECRET = ("SLIPWAY_SECRET",)  # the name of a Kubernetes Secret
_ADDRESS = re.compile(r"\w*(?:URI|URL|ENDPOINT|_proxy|_PROXY)")
# What is shorter is a word that texts have for other reasons.
_LEAST_CHARS = 8
# Drawn keys can begin with a slash, but have no suffix.
_FILE = re.compile(r"(?:[A-Za-z]:[\\/]|[~.]{0,2}/)[^\n]*\.\w{1,8}")


def hidden(text: str) -> str:
    """Give a message as people may see it: see `shown` and `without_values`."""
    return without_values(shown(text))


def hide_in_logs() -> None:
    """Let nothing be logged in this process that people may not see, whoever logs it."""
    logging.setLogRecordFactory(_Record)


def without_values(text: str) -> str:
    """Give any text without the values of this process's secret variables.

    Of a document hide the strings before it is written: see `pipeline.cli.answer`.
    """
    secret = _secret(tuple(os.environ.items()))
    return secret.sub(HIDDEN, text) if secret else text


class _Record(logging.LogRecord):
    """What a library logs, such as an address that did not answer, as people may see it."""

    def __init__(self, *args: Any, **others: Any) -> None:
        super().__init__(*args, **others)
        if isinstance(self.exc_info, tuple):  # else each handler would write the traceback itself
            self.exc_text = hidden("".join(traceback.format_exception(*self.exc_info)).rstrip())

    def getMessage(self) -> str:
        return hidden(super().getMessage())


@lru_cache(maxsize=1)
def _secret(environment: tuple[tuple[str, str], ...]) -> re.Pattern[str] | None:
    """Give what finds the values, the longest first: one may begin with another."""
    values = {value for value in _values(environment) if len(value) >= _LEAST_CHARS}
    longest_first = sorted(values, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if values else None


def _values(environment: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for name, value in environment:
        if _NAMED_SO.fullmatch(name) and name not in _NO_SECRET:
            if not _is_file(value):
                yield value
        elif "@" in value and _ADDRESS.fullmatch(name):
            password = _password(value if "://" in value else f"http://{value}")
            yield from (password, unquote(password))


def _password(address: str) -> str:
    rest, plain = (text.partition("://")[2] for text in (address, basic_auth(address)[0]))
    return rest[: len(rest) - len(plain) - 1].partition(":")[2]


def _is_file(value: str) -> bool:
    """Say whether a value is the path of a file with the secret, and none itself."""
    if _FILE.fullmatch(value):
        return True
    try:
        return "/" in value and Path(value).is_file()
    except (OSError, ValueError):  # longer than names can be
        return False
