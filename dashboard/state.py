"""Every URL parameter and every key of session state, typed, in one place.

What identifies a view is in the URL, so that a reload or a second browser shows the same; session
state only holds what is being typed.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.navigation import go

# URL parameters
RUN = "run"
CLONE = "clone"
OVERRIDES = "set"
FILE = "file"


def run_id() -> str:
    """Give the run that the URL names, or an empty string."""
    return str(st.query_params.get(RUN, ""))


def open_run(run: str) -> None:
    """Go to the page of a run; does not return."""
    go("run", {RUN: run})


def open_runs() -> None:
    """Go to the list of runs; does not return."""
    go("runs")


def open_launch(clone: str = "") -> None:
    """Go to the launch page, filled in like the run to clone if one is given."""
    go("launch", {CLONE: clone} if clone else {})


def open_config(path: str) -> None:
    """Go to the editor with this file of the volume."""
    go("configs", {FILE: path})


def url_text(key: str) -> str:
    """Give a URL parameter, or an empty string."""
    return str(st.query_params.get(key, ""))


def url_texts(key: str) -> list[str]:
    """Give all values of a URL parameter that may be repeated."""
    return st.query_params.get_all(key)


def set_url(key: str, value: str | Sequence[str]) -> None:
    """Change a URL parameter; an empty value removes it."""
    if not value:
        st.query_params.pop(key, None)
    elif value != (url_text(key) if isinstance(value, str) else url_texts(key)):
        st.query_params[key] = value if isinstance(value, str) else list(value)
