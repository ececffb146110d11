"""Choosing one of a few, and a few of many by a text that they have."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard import state
from dashboard.i18n import tr
from dashboard.plain import Markdown, joined


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
        With what is shown of each. The URL has the option itself, which is no translation.
    default
        What is chosen at first; the first of the options unless it is given.
    has_label
        Whether the label is seen; screen readers say it in any case.
    in_url
        Whether the URL keeps the choice, under `key`; a value that is no option counts for none.
    """
    first = default or next(iter(options))
    asked = state.seed(key, first, list(options)) if in_url else key
    if in_url and st.session_state[asked] not in options:  # there were others before
        st.session_state[asked] = first
    chosen = st.segmented_control(
        label,
        list(options),
        format_func=lambda name: options[name],
        default=None if in_url else first,
        required=True,
        key=asked,
        label_visibility="visible" if has_label else "collapsed",
    )
    if in_url:
        state.publish(key, chosen, first)
    return str(chosen)


def kind_of(label: Markdown, counts: Mapping[str, int], words: Mapping[str, str], key: str) -> str:
    """Offer the kinds of which there are some, with how many, and give the one that is chosen.

    Parameters
    ----------
    label
        What screen readers say.
    counts
        How many there are of each kind.
    words
        What each is called, as `marked`, in the order in which they are offered.
    key
        Under which the URL keeps the choice.
    """
    present = [name for name in words if counts.get(name)]
    asked = state.seed(key, "", ["", *present])
    if st.session_state[asked] not in present:
        st.session_state[asked] = None
    chosen = st.pills(
        label,
        present,
        format_func=lambda name: joined(" ", [tr(words[name]), Markdown(f"{counts[name]:,}")]),
        key=asked,
        label_visibility="collapsed",
    )
    state.publish(key, chosen)
    return chosen or ""


def text_filter(placeholder: Markdown, key: str, *, width: int = 260) -> str:
    """Ask for a text, which the URL keeps under `key`, and give it."""
    text = st.text_input(
        tr("Filter"), placeholder=placeholder, key=key, bind="query-params", width=width
    )
    return text or ""
