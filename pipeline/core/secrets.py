"""The last net: values of secret variables are taken out of whatever is printed or logged."""

from __future__ import annotations

import logging
import os
import re
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from pipeline.core.addresses import HIDDEN, basic_auth, shown

_NAMED_SO = re.compile(
    r"\w*(?:PASSWORD|PASSWD|TOKEN|SECRET|COOKIE|CREDENTIALS?|WEBHOOK_URL|(?<!PUBLIC_)KEY|KEY_ID)"
    r"|SLIPWAY_SECRET_\w+"
)
_NO_SECRET = ("SLIPWAY_SECRET",)  # the name of a Kubernetes Secret
_ADDRESS = re.compile(r"\w*(?:URI|URL|ENDPOINT|_proxy|_PROXY)")
# What is shorter is a word that texts have for other reasons.
_LEAST_CHARS = 8


def hidden(text: str) -> str:
    """Give a message as people may see it: see `shown` and `without_values`."""
    return without_values(shown(text))


def hide_in_logs() -> None:
    """Let nothing be logged in this process that people may not see, whoever logs it."""
    logging.setLogRecordFactory(_Record)


def without_values(text: str) -> str:
    """Give any text, also a document, without the values of this process's secret variables."""
    for value in _values():
        text = text.replace(value, HIDDEN)
    return text


class _Record(logging.LogRecord):
    """What a library logs, such as an address that did not answer, as people may see it."""

    def __init__(self, *args: Any, **others: Any) -> None:
        super().__init__(*args, **others)
        if isinstance(self.exc_info, tuple):  # else each handler would write the traceback itself
            self.exc_text = hidden("".join(traceback.format_exception(*self.exc_info)).rstrip())

    def getMessage(self) -> str:
        return hidden(super().getMessage())


def _values() -> Iterator[str]:
    for name, value in os.environ.items():
        if _NAMED_SO.fullmatch(name) and name not in _NO_SECRET:
            found = [value]
        elif "@" in value and _ADDRESS.fullmatch(name):
            _, slashes, rest = value.partition("://")
            user = rest[: len(rest) - len(basic_auth(value)[0].partition("://")[2]) - 1]
            password = user.partition(":")[2] if slashes else ""
            found = [password, unquote(password)]
        else:
            continue
        yield from (entry for entry in found if len(entry) >= _LEAST_CHARS)
