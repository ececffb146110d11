"""The labels that a run's model doubts, and what people say of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pipeline.actions.installation import Installation
from pipeline.core.mistakes.marks import load_marks
from pipeline.core.volume.run_folder import RunFolder
from tests.core.mistakes.tables import table
from tests.dashboard.pages import open_page, text_of
from tests.dashboard.views.test_run_mistakes import BOX, FAR, html_of, run_page
from tests.tested_runs import run_with_test, say_kept


def opened(folder: RunFolder, **query: str) -> AppTest:
    return open_page(run_page, tab="Mistakes", run=folder.name, mistakes_view="labels", **query)


@pytest.fixture
def tested(here: Installation, installation: Path) -> RunFolder:
    """A star that is called a square, and a circle without a label, in two images."""
    names = sorted(path.name for path in (installation / "datasets").rglob("images/test/*"))
    rows = (
        (names[0], "target", 2, None, BOX),
        (names[0], "prediction", 1, 0.9, BOX),
        (names[1], "prediction", 0, 0.5, FAR),
    )
    return run_with_test(here, table(*rows))


def mark(page: AppTest, number: int, verdict: str) -> AppTest:
    asked = [part for part in page.segmented_control if str(part.key).startswith("doubtful.mark")]
    asked[number].set_value(verdict).run()
    assert not page.exception
    return page


def test_each_doubt_is_told_in_words_with_its_picture(tested: RunFolder) -> None:
    page = opened(tested)
    assert "2 labels · most doubtful first" in text_of(page)
    assert "star, but square seen with 0.90" in text_of(page)
    assert "no label, but circle seen with 0.50" in text_of(page)
    assert "other class 0.68" in html_of(page) and "mistakes-close-up" in html_of(page)


def test_a_mark_is_kept_and_its_label_leaves_the_list(tested: RunFolder) -> None:
    page = mark(opened(tested), 0, "wrong")
    (kept,) = load_marks(tested)
    assert (kept.class_name, kept.kind, kept.verdict) == ("star", "class", "wrong")
    assert "1 label ·" in text_of(page) and "star, but" not in text_of(page)
    page = mark(opened(tested, marks="wrong"), 0, "right")
    assert "No label fits the filter" in text_of(page)
    assert "1 label ·" in text_of(opened(tested, marks="right"))
    assert load_marks(tested)[0].verdict == "right"


def test_one_kind_of_doubt_can_be_looked_at(tested: RunFolder) -> None:
    assert "1 label ·" in text_of(opened(tested, doubt="missing"))
    assert "2 labels ·" in text_of(opened(tested, doubt="nonsense"))


def test_damaged_marks_are_an_error_and_not_written_over(tested: RunFolder) -> None:
    tested.label_marks.write_text("{")
    assert "cannot be read" in text_of(opened(tested))


def test_a_label_opens_its_image(tested: RunFolder) -> None:
    page = opened(tested)
    next(b for b in page.button if str(b.key).startswith("doubtful.open")).click().run()
    assert not page.exception
    assert "1 / 2" in text_of(page)


def test_a_model_without_doubts_is_said(here: Installation) -> None:
    page = opened(run_with_test(here, table(("a.jpg", "target", 1, None, BOX))))
    assert "The model doubts no label" in text_of(page)


def test_what_the_test_left_out_is_said_beside_the_labels(tested: RunFolder) -> None:
    say_kept(tested, conf=0.5)
    page = opened(tested)
    assert "2 labels · most doubtful first" in text_of(page)
    assert text_of(page).count("Boxes of less than confidence 0.5 were not kept.") == 1
