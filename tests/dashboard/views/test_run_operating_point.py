"""From which confidence on to use a run's weights."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pipeline.actions.installation import Installation
from pipeline.core.volume.operating_point import load_operating_point
from pipeline.core.volume.run_folder import RunFolder
from tests.core.mistakes.tables import table
from tests.dashboard.pages import click, open_page, text_of
from tests.dashboard.views.test_run_mistakes import BOX, FAR, run_page
from tests.tested_runs import run_with_test


def opened(folder: RunFolder, **query: str) -> AppTest:
    query = {"mistakes_view": "confidence", **query}
    return open_page(run_page, tab="Mistakes", run=folder.name, **query)


@pytest.fixture
def tested(here: Installation) -> RunFolder:
    """Circles found with 0.9, and another for nothing with 0.6."""
    rows = (
        ("a", "target", 0, None, BOX),
        ("a", "prediction", 0, 0.9, BOX),
        ("b", "prediction", 0, 0.6, FAR),
    )
    return run_with_test(here, table(*rows))


def test_a_wish_is_answered_kept_and_forgotten(tested: RunFolder) -> None:
    page = opened(tested, wish="precision", wish_least="0.95")
    assert "precision 0." in text_of(page) and "recall 1.000" in text_of(page)
    page = click(page, "wish.keep")
    kept = load_operating_point(tested)
    assert kept is not None and kept.precision >= 0.95
    assert f"Kept: {kept.conf:.3f}, precision at least 0.95" in text_of(page)
    assert page.button(key="wish.keep").disabled
    head = opened(tested)
    assert f"use from confidence {kept.conf:.3f} on" in text_of(head)
    assert head.slider[0].value == round(kept.conf, 2), "the tab starts there"
    click(page, "wish.forget")
    assert load_operating_point(tested) is None


def test_a_wish_can_be_shown_above_and_for_each_class(tested: RunFolder) -> None:
    page = opened(tested, wish="cost", wish_by_class="true")
    assert "circle 0." in text_of(page)
    page = click(page, "wish.show")
    assert 0.6 <= page.slider[0].value <= 0.9
    assert page.button(key="wish.show").disabled


def test_what_cannot_be_reached_is_said(here: Installation) -> None:
    rows = (("a", "target", 0, None, BOX), ("a", "prediction", 0, 0.9, FAR))
    page = opened(run_with_test(here, table(*rows)), wish="recall")
    assert "No confidence reaches that on this test" in text_of(page)
    assert page.button(key="wish.keep").disabled


def test_a_damaged_file_is_told_and_can_be_written_anew(tested: RunFolder) -> None:
    tested.operating_point.write_text("{}")
    page = opened(tested)
    assert "operating point cannot be read" in text_of(page)
    click(page, "wish.keep")
    assert load_operating_point(tested)
