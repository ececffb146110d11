"""The URL parameters, typed, in one place, and what one page leaves for another.

What identifies a view is in the URL, so that a reload or a second browser shows the same; session
state only holds what is being typed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.navigation import go, link
from dashboard.plain import Markdown

# URL parameters
RUN = "run"
CLONE = "clone"
MODEL = "model"
OVERRIDES = "set"
FILE = "file"
RUNS = "runs"
DATA = "data"
IMAGE = "image"
LINE = "line"
PART = "part"
PAGE = "page"
LANGUAGE = "lang"
SWEEP = "tag"
CELL = "cell"

# Session state that one page leaves for another
SWEEP_FAILURE = "sweep.failure"
REASON = "launch.reason"  # of which run's mistakes, and why


def run_id() -> str:
    """Give the run that the URL names, or an empty string."""
    return str(st.query_params.get(RUN, ""))


def open_run(run: str) -> None:
    """Go to the page of a run; does not return."""
    go("run", {RUN: run})


def open_runs(text: str = "") -> None:
    """Go to the list of runs, filtered by a text; does not return."""
    go("runs", {"runs_filter": text} if text else {})


def open_sweep(name: str = "") -> None:
    """Go to a sweep, or to the list of them; does not return."""
    go("sweep", {SWEEP: name} if name else {})


def open_launch(
    clone: str = "", model: str = "", data: str = "", overrides: Sequence[str] = ()
) -> None:
    """Go to the launch page, filled in like the run to clone, and with these choices."""
    query = {CLONE: clone, MODEL: model, DATA: data, OVERRIDES: list(overrides)}
    go("launch", {key: value for key, value in query.items() if value})


def open_models() -> None:
    """Go to the list of weights, and of those that can be fetched; does not return."""
    go("models")


def open_compare(runs: Sequence[str], *, joins_seeds: bool = False) -> None:
    """Go to the comparison of these runs; does not return."""
    go("compare", {RUNS: ",".join(runs), **({"seeds": "true"} if joins_seeds else {})})


def link_runs(runs: Sequence[str], label: Markdown) -> None:
    """Show a link to the page of a run, or to the comparison of several."""
    if len(runs) == 1:
        link("run", {RUN: runs[0]}, label)
    else:
        link("compare", {RUNS: ",".join(runs)}, label)


def open_config(path: str) -> None:
    """Go to the editor with this file of the volume."""
    go("configs", {FILE: path})


def open_dataset(name: str) -> None:
    """Go to a dataset; does not return."""
    go("datasets", {DATA: name})


def url_text(key: str) -> str:
    """Give a URL parameter, or an empty string."""
    return str(st.query_params.get(key, ""))


def url_texts(key: str) -> list[str]:
    """Give all values of a URL parameter that may be repeated."""
    return st.query_params.get_all(key)


def seed_list(key: str) -> str:
    """Prepare a field for several values, one comma apart in the URL; gives the widget's key."""
    widget, asked = f"form.{key}", url_text(key)
    if is_asked_anew(key):
        st.session_state[widget] = list(dict.fromkeys(part for part in asked.split(",") if part))
    return widget


def is_asked_anew(key: str) -> bool:
    """Whether the URL's value counts, not the form's: on a first visit, after a link or back."""
    widget, asked = f"form.{key}", url_text(key)
    return widget not in st.session_state or asked != st.session_state.get(f"{widget}.url", asked)


def whole(text: str) -> int | None:
    """Give a whole number from 0 up that is written in a URL; None where there is none."""
    # Of thousands of digits Python makes no number.
    return int(text) if text.isdecimal() and len(text) < 10 else None


def set_url(key: str, value: str | Sequence[str]) -> None:
    """Change a URL parameter; an empty value removes it."""
    if not value:
        st.query_params.pop(key, None)
    elif value != (url_text(key) if isinstance(value, str) else url_texts(key)):
        st.query_params[key] = value if isinstance(value, str) else list(value)


def replace_url(query: Mapping[str, str]) -> None:
    """Make these the URL's only parameters; empty values are left out."""
    st.query_params.from_dict({key: value for key, value in query.items() if value})


def seed(key: str, fallback: Any, allowed: Sequence[Any] | None = None) -> str:
    """Prepare a form field before its widget is made, and give the widget's key.

    The URL's value counts when it is new (first visit, a link, the browser's back button), then
    what was chosen in this session, then the fallback. A value that is not allowed is not used.
    """
    widget, asked = f"form.{key}", url_text(key)
    if is_asked_anew(key):
        value = _typed(asked, fallback) if asked else fallback
        if allowed is not None and value not in allowed:
            value = fallback if fallback in allowed else None
        st.session_state[widget] = value
    return widget


def fill(key: str, value: Any) -> None:
    """Give a form field a value before its widget is made, whatever the URL says."""
    st.session_state[f"form.{key}"] = value
    st.session_state[f"form.{key}.url"] = url_text(key)


def publish(key: str, value: Any, default: Any = None) -> None:
    """Put a form field's value into the URL; the default is left out."""
    text = "" if value is None or value == default else str(value)
    set_url(key, text)
    st.session_state[f"form.{key}.url"] = text


def _typed(text: str, like: Any) -> Any:
    if isinstance(like, bool):
        return text.lower() in ("true", "1", "yes")
    if isinstance(like, int):
        number = whole(text)
        return like if number is None else number
    return text
