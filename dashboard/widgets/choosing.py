"""Choosing one of a few, and a few of many by a text that they have."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.i18n import tr
from dashboard.plain import Markdown


def one_of(
    label: Markdown,
    options: Mapping[str, Markdown],
    key: str,
    *,
    default: str = "",
    has_label: bool = True,
    in_url: bool = False,
) -> str:
    """Offer options side by side and give the one that is chosen.

    Parameters
    ----------
    options
        With what is shown of each.
    default
        What is chosen at first; the first of the options unless it is given.
    has_label
        Whether the label is seen; screen readers say it in any case.
    in_url
        Whether the URL keeps the choice, under `key`.
    """
    chosen = st.segmented_control(
        label,
        list(options),
        format_func=lambda name: options[name],
        default=default or next(iter(options)),
        required=True,
        key=key,
        bind="query-params" if in_url else None,
        label_visibility="visible" if has_label else "collapsed",
    )
    return str(chosen)


def text_filter(placeholder: Markdown, key: str, *, width: int = 260) -> str:
    """Ask for a text, which the URL keeps under `key`, and give it."""
    text = st.text_input(
        tr("Filter"), placeholder=placeholder, key=key, bind="query-params", width=width
    )
    return text or ""
