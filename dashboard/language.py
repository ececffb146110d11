"""Which language a session has: the URL's, the user's last choice, else the browser's."""

from __future__ import annotations

import streamlit as st

from dashboard import preferences, services, state
from dashboard.i18n import CHOSEN, LANGUAGES, language
from pipeline.core.errors import SlipwayError


def choose() -> None:
    """Choose the session's language before anything is shown."""
    asked = state.url_text(state.LANGUAGE)
    if asked in LANGUAGES:
        st.session_state[CHOSEN] = asked
    elif CHOSEN not in st.session_state:
        browsers = (st.context.locale or "en").partition("-")[0]
        fitting = (found for found in (_remembered(), browsers) if found in LANGUAGES)
        st.session_state[CHOSEN] = next(fitting, "en")
    _publish()


def _remembered() -> str:
    try:
        known = preferences.load(services.here().settings.state, services.user())
    except SlipwayError:  # wrong settings; the page says so, in whatever language
        return ""
    return str(known.get("language", ""))


def remember(chosen: str) -> None:
    """Take another language, for this session and the user's later visits."""
    st.session_state[CHOSEN] = chosen
    _publish()
    preferences.remember(services.here().settings.state, services.user(), language=chosen)


def _publish() -> None:
    state.set_url(state.LANGUAGE, "" if language() == "en" else language())
