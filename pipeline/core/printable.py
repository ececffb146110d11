"""Texts that can be printed and written, whatever they came from."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Write halves of surrogate pairs as ``\\ud800``: as they are, nobody can print them."""
    return text.encode("utf-8", "backslashreplace").decode()
