"""A step's log, live, line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

_SHOWN_LINES = 400
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ERROR = re.compile(r"\b(ERROR|CRITICAL|FATAL)\b|^Traceback |^[\w.]*(Error|Exception)\b")
_WARNING = re.compile(r"\bWARN(ING)?\b|^[\w.:/ ]*Warning\b")
LEVELS = ("all", "warnings", "errors")


def clean(text: str) -> str:
    """Give a log as a terminal would show it: no colour codes, each line as last written."""
    return "\n".join(line.rsplit("\r", 1)[-1] for line in _ANSI.sub("", text).split("\n"))


def matching(lines: Sequence[str], search: str = "", level: str = "all") -> list[str]:
    """Give the lines that have a text, whatever its case, and are of a level or graver.

    Parameters
    ----------
    lines
        The cleaned log.
    search
        Text to look for; empty fits every line.
    level
        One of `LEVELS`. Indented lines belong to the line before them, as those of a traceback do.
    """
    wanted = LEVELS.index(level)
    found, grave = [], 0
    for line in lines:
        if not line.startswith((" ", "\t")):
            grave = 2 if _ERROR.search(line) else 1 if _WARNING.search(line) else 0
        if grave >= wanted and search.lower() in line.lower():
            found.append(line)
    return found


def show_log(text: str, *, name: str, height: int = 420) -> None:
    """Show the end of a log, scrolled to its last line, with the whole of it to download."""
    lines = clean(text.replace("\r\n", "\n")).rstrip("\n").split("\n")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search", placeholder="text in a line", key="log_search", bind="query-params", width=260
        )
        level = st.segmented_control(
            "Lines", LEVELS, default="all", required=True, key="log_level", bind="query-params"
        )
        st.download_button(
            "Download", text, file_name=f"{name}.log", icon=":material/download:", key=f"log-{name}"
        )
    found = matching(lines, search or "", level or "all")
    if len(found) < len(lines):
        st.caption(f"{len(found):,} of {len(lines):,} lines fit.")
    if len(found) > _SHOWN_LINES:
        st.caption(f"The last {_SHOWN_LINES} of {len(found):,} lines; download for all of them.")
    empty = "Nothing printed yet." if len(found) == len(lines) else "No line fits."
    with st.container(height=height, autoscroll=True, border=True):
        st.code("\n".join(found[-_SHOWN_LINES:]) or empty, language=None)
