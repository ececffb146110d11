"""Which page of many pictures is shown; the control below them has it in the URL."""

from __future__ import annotations

import streamlit as st

from dashboard import state


def page_at(pages: int) -> int:
    """Give the page that is asked for, from 1; the first where there is no such page."""
    asked = state.whole(str(st.session_state.get(state.PAGE, state.url_text(state.PAGE)) or 1))
    if asked is not None and 1 <= asked <= pages:
        return asked
    first_page()
    return 1


def first_page() -> None:
    """Go back to the first page, before the control is made."""
    if state.PAGE in st.session_state:
        st.session_state[state.PAGE] = 1  # the URL is the widget's: to change it here is refused
    else:
        state.set_url(state.PAGE, "")
