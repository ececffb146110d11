"""A step's log, live, line by line."""

from __future__ import annotations

import re

import streamlit as st

_SHOWN_LINES = 400
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def clean(text: str) -> str:
    """Give a log as a terminal would show it: no colour codes, each line as last written."""
    return "\n".join(line.rsplit("\r", 1)[-1] for line in _ANSI.sub("", text).split("\n"))


def show_log(text: str, *, name: str, height: int = 420) -> None:
    """Show the end of a log, scrolled to its last line, with the whole of it to download."""
    lines = clean(text.replace("\r\n", "\n")).rstrip("\n").split("\n")
    hidden = len(lines) - _SHOWN_LINES
    if hidden > 0:
        st.caption(f"The last {_SHOWN_LINES} of {len(lines):,} lines; download for all of them.")
    with st.container(height=height, autoscroll=True, border=True):
        st.code("\n".join(lines[-_SHOWN_LINES:]) or "Nothing printed yet.", language=None)
    st.download_button(
        "Download", text, file_name=f"{name}.log", icon=":material/download:", key=f"log-{name}"
    )
