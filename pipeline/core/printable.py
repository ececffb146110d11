"""Texts that can be printed and written, whatever they came from."""

from __future__ import annotations

import re

# Colours, the cursor's place, a window's title: what libraries put into their messages.
_TERMINAL_CODES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])"
)


def printable(text: str) -> str:
    r"""Write halves of surrogate pairs as ``\\ud800``, and leave out what a terminal would do."""
    return _TERMINAL_CODES.sub("", text).encode("utf-8", "backslashreplace").decode()


def one_line(reason: object) -> str:
    """Give what an exception of a library says, on one line."""
    return " ".join(printable(str(reason)).split())
