"""Errors are help: what happened, where, what to do. Never a red traceback."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import ParamSpec

import streamlit as st

from dashboard import services
from dashboard.i18n import tr, tr_said
from dashboard.plain import Markdown, code, joined
from pipeline.actions.last_seen import Outage
from pipeline.core.errors import InputError, SlipwayError
from pipeline.core.hiding import hidden

_P = ParamSpec("_P")
_log = logging.getLogger("slipway.dashboard")


def guarded(render: Callable[_P, None]) -> Callable[_P, None]:
    """Show what a page, fragment or dialog raises; put it inside ``@st.fragment``."""

    @functools.wraps(render)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            render(*args, **kwargs)
        except SlipwayError as reason:
            show_error(reason)
        except Exception as reason:  # noqa: BLE001
            # The last line of defence: a person gets a sentence and the log has the traceback.
            _log_file()
            _log.exception("%s failed", render.__module__)
            _show_unexpected(reason)

    return wrapper


def show_error(reason: SlipwayError) -> None:
    """Show an expected error: the sentence, the place, the next step, and all findings."""
    lines = [Markdown(f"**{tr_said(reason.message)}**"), code(reason.where), tr_said(reason.next)]
    st.error(joined("  \n", lines), icon=":material/error:")
    if isinstance(reason, InputError) and reason.findings:
        from dashboard.widgets.findings import show_findings  # on the way of an error only

        show_findings(reason.findings)


def why(reason: SlipwayError | Outage) -> Markdown:
    """Say on one line what is wrong, and what to do about it."""
    return joined(" ", [tr_said(reason.message), tr_said(reason.next)])


def log_path() -> Path:
    """Give the file that has the tracebacks of unexpected errors."""
    return services.here().settings.state / "logs" / "dashboard.log"


def _show_unexpected(reason: Exception) -> None:
    st.error(
        tr(
            "**This page hit an unexpected error: {name}.**  \n{reason}  \nReload the "
            "page; if it comes again, send the end of the log to whoever runs "
            "Slipway:",
            name=type(reason).__name__,
            reason=hidden(str(reason)),
        ),
        icon=":material/error:",
    )
    try:
        st.code(f"tail -n 40 '{log_path()}'", language="bash")
    except SlipwayError as settings_reason:  # the settings themselves may be what is wrong
        show_error(settings_reason)


@functools.cache
def _log_file() -> None:
    try:
        path = log_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=1 << 20, backupCount=3, encoding="utf-8")
    except (SlipwayError, OSError):
        return  # the traceback still goes to the terminal
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log.addHandler(handler)
