"""Several parts in one place, of which one is shown and the others cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from dashboard.i18n import tr


def show_one(parts: Mapping[str, Callable[[], None]], *, key: str, has_label: bool = True) -> None:
    """Offer parts by their names, marked texts, and show one of them, at first the first.

    Parameters
    ----------
    key
        Of the choice, in the session and in the URL.
    has_label
        Whether "More" stands above the choice.
    """
    first = next(iter(parts))
    chosen = st.segmented_control(
        tr("More"),
        list(parts),
        format_func=tr,
        default=first,
        required=True,
        key=key,
        bind="query-params",
        label_visibility="visible" if has_label else "collapsed",
    )
    parts[chosen or first]()
