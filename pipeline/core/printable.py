"""Texts that can be printed and written, whatever they came from."""

from __future__ import annotations

import re

# Colours, the cursor's place, a window's title: what libraries put into their messages.
_TERMINAL_CODES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])"
)

# What moves to another line, or turns the direction of what stands behind it.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def printable(text: str) -> str:
    r"""Write halves of surrogate pairs as ``\\ud800``, and leave out what a terminal would do."""
    return _TERMINAL_CODES.sub("", text).encode("utf-8", "backslashreplace").decode()


def one_line(reason: object) -> str:
    """Give what an exception of a library says, on one line."""
    return " ".join(printable(str(reason)).split())


def in_one_cell(text: str) -> str:
    r"""Give a text for a terminal's table: line ends and turns of direction are written out."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), printable(text))
