"""Texts of the pages in the language of the session, from gettext catalogs.

Messages are written in English in the code and marked by `tr`; ``dashboard/locale`` has the other
languages. What the command line and the engines say is English; what pages show of it goes through
`tr_said`, which knows the sentences that remember their values.
"""

from __future__ import annotations

import gettext
import string
from datetime import datetime
from functools import lru_cache
from numbers import Number
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.plain import Markdown, plain
from pipeline.core.said import Said

LANGUAGES = {"en": "English", "ko": "한국어"}
DOMAIN = "slipway"
LOCALE = Path(__file__).parent / "locale"
CHOSEN = "i18n.language"


def tr(text: str, /, **values: Any) -> Markdown:
    """Give a text in the language of this session, for what renders Markdown.

    Parameters
    ----------
    text
        Markdown in English, what has no translation stays so; with `values` a format string.
    values
        What it names. A value is shown as it is unless it is `Markdown`.
    """
    translated = _translated(text)
    return Markdown(_Escaping().vformat(translated, (), values) if values else translated)


def tr_text(text: str, /, **values: Any) -> str:
    """Give a text like `tr`, for what shows text as it is: a table, an option, a placeholder."""
    return _translated(text).format(**values)


def tr_said(text: str) -> Markdown:
    """Give what the core says in the language of this session, for what renders Markdown.

    A text that is no `Said` is shown as it is; so are the words of one, which are no Markdown.
    """
    return plain(tr_said_text(text))


def tr_said_text(text: str) -> str:
    """Give a text like `tr_said`, for what shows text as it is."""
    if not isinstance(text, Said):
        return text
    values = {
        name: tr_said_text(value) if isinstance(value, str) else value
        for name, value in text.values.items()
    }
    translated = _translated(text.template)
    return translated.format(**values) if values else translated


def tr_plural(one: str, many: str, count: float) -> Markdown:
    """Give a text about a count, which it names, in the form that the language has for it."""
    # Languages choose by whole numbers; the fraction of an epoch is more than one of them or less.
    number = int(count) if count == int(count) else 2
    text = _catalog(language()).ngettext(one, many, number)
    return Markdown(_Escaping().vformat(text, (), {"count": count}))


def marked(text: str) -> str:
    """Mark a text that is given to `tr` elsewhere, such as an entry of a table of names."""
    return text


def language() -> str:
    """Give the language of this session, one of `LANGUAGES`."""
    return str(st.session_state.get(CHOSEN, "en"))


class _Escaping(string.Formatter):
    """Formats Markdown; a number or a time is formatted by us and cannot be Markdown."""

    def format_field(self, value: Any, format_spec: str) -> str:
        text = format(value, format_spec)
        return text if isinstance(value, (Markdown, Number, datetime)) else plain(text)


def _translated(text: str) -> str:
    return _catalog(language()).gettext(text)


@lru_cache
def _catalog(chosen: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALE, languages=[chosen], fallback=True)
