"""What an address keeps of a choice."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.i18n import CHOSEN


def choice() -> None:
    import streamlit as st

    from dashboard.i18n import tr
    from dashboard.widgets.choosing import one_of

    offered = {"images": tr("Images"), "slices": tr("Slices")}
    if st.checkbox("more"):
        offered["labels"] = tr("Labels")
    st.text(one_of(tr("View"), offered, "view", in_url=True))


def opened(language: str = "en", **query: str) -> AppTest:
    page = AppTest.from_function(choice)
    page.session_state[CHOSEN] = language
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


@pytest.mark.parametrize(("one", "other"), [("en", "ko"), ("ko", "en")])
def test_an_address_leads_to_the_same_in_another_language(one: str, other: str) -> None:
    page = opened(one)
    assert page.text[0].value == "images" and "view" not in page.query_params
    page.segmented_control[0].set_value("slices").run()
    assert page.query_params["view"] == ["slices"]
    assert opened(other, view="slices").text[0].value == "slices"


@pytest.mark.parametrize("asked", ["Slices", "조각", "", "labels"])
def test_what_is_no_option_is_the_first(asked: str) -> None:
    page = opened(view=asked)
    assert page.text[0].value == "images"
    assert "view" not in page.query_params


def test_what_is_no_option_any_more_is_the_first() -> None:
    page = opened()
    page.checkbox[0].check().run()
    page.segmented_control[0].set_value("labels").run()
    assert page.text[0].value == "labels"
    page.checkbox[0].uncheck().run()
    assert not page.exception
    assert page.text[0].value == "images" and "view" not in page.query_params
