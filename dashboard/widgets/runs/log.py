"""A step's log, live, line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from dashboard.i18n import marked, tr
from dashboard.widgets.choosing import one_of

_SHOWN_LINES = 400
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ERROR = re.compile(r"\b(ERROR|CRITICAL|FATAL)\b|^Traceback |^[\w.]*(Error|Exception)\b")
_WARNING = re.compile(r"\bWARN(ING)?\b|^[\w.:/ ]*Warning\b")
LEVELS = (marked("all"), marked("warnings"), marked("errors"))


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
            tr("Search"),
            placeholder=tr("text in a line"),
            key="log_search",
            bind="query-params",
            width=260,
        )
        levels = {name: tr(name) for name in LEVELS}
        level = one_of(tr("Lines"), levels, "log_level", in_url=True)
        st.download_button(
            tr("Download"),
            text,
            file_name=f"{name}.log",
            icon=":material/download:",
            key=f"log-{name}",
        )
    found = matching(lines, search or "", level)
    if len(found) < len(lines):
        st.caption(tr("{fitting:,} of {count:,} lines fit.", fitting=len(found), count=len(lines)))
    if len(found) > _SHOWN_LINES:
        st.caption(
            tr(
                "The last {shown_lines} of {count:,} lines; download for all of them.",
                shown_lines=_SHOWN_LINES,
                count=len(found),
            )
        )
    empty = tr("Nothing printed yet.") if len(found) == len(lines) else tr("No line fits.")
    with st.container(height=height, autoscroll=True, border=True):
        st.code("\n".join(found[-_SHOWN_LINES:]) or empty, language=None)
