"""What a run is for, as its step wrote it down: a model that builds, and what later kinds make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from dashboard.plain import plain
from dashboard.widgets.runs.built import show_built

_SHOWN: dict[str, Callable[[Mapping[str, Any]], None]] = {"build": show_built}


def show_results(results: Mapping[str, Mapping[str, Any]]) -> None:
    """Show what steps found out, by step; a step that nothing is said of here as it says it."""
    for step, result in results.items():
        _SHOWN.get(step, _show_plainly)(result)


def _show_plainly(result: Mapping[str, Any]) -> None:
    if not result:
        return
    with st.container(horizontal=True, gap="large"):
        for name, value in result.items():
            st.metric(plain(name), plain(str(value)), width="content")
