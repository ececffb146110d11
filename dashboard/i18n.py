"""Texts of the pages in the language of the session, from gettext catalogs.

Messages are written in English in the code and marked by `tr`; ``dashboard/locale`` has the other
languages. What the command line and the engines say is English everywhere.
"""

from __future__ import annotations

import gettext
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

LANGUAGES = {"en": "English", "ko": "한국어"}
DOMAIN = "slipway"
LOCALE = Path(__file__).parent / "locale"
CHOSEN = "i18n.language"


def tr(text: str, /, **values: Any) -> str:
    """Give a text in the language of this session; what has no translation stays English.

    Parameters
    ----------
    text
        English; with `values` a format string that names them.
    """
    translated = _catalog(language()).gettext(text)
    return translated.format(**values) if values else translated


def marked(text: str) -> str:
    """Mark a text that is given to `tr` elsewhere, such as an entry of a table of names."""
    return text


def language() -> str:
    """Give the language of this session, one of `LANGUAGES`."""
    return str(st.session_state.get(CHOSEN, "en"))


@lru_cache
def _catalog(chosen: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALE, languages=[chosen], fallback=True)
