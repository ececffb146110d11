"""The tab about what a run's test got wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pipeline.actions.installation import Installation
from pipeline.core.mistakes.summary import write_summary
from pipeline.core.volume.run_folder import RunFolder
from tests.core.mistakes.tables import table
from tests.dashboard.pages import click, click_point, open_page, text_of
from tests.tested_runs import run_with_test, say_kept

BOX, FAR = (10, 10, 30, 30), (50, 50, 70, 70)


def run_page() -> None:
    from dashboard.views.run.page import render

    render()


def opened(folder: RunFolder, **query: str) -> AppTest:
    return open_page(run_page, tab="Mistakes", run=folder.name, **query)


@pytest.fixture
def names(installation: Path) -> list[str]:
    return sorted(path.name for path in (installation / "datasets").rglob("images/test/*"))


@pytest.fixture
def tested(here: Installation, names: list[str]) -> RunFolder:
    """A star that is found in one image and missed in another, and a square for nothing."""
    rows = (
        (names[0], "target", 2, None, BOX),
        (names[0], "prediction", 2, 0.9, BOX),
        (names[1], "target", 2, None, BOX),
        (names[1], "prediction", 1, 0.6, FAR),
    )
    return run_with_test(here, table(*rows), empty=["gone.jpg"])


def html_of(page: AppTest) -> str:
    return "\n".join(part.proto.body for part in page.get("html"))


def test_the_answer_comes_first_then_the_images_with_their_boxes(
    tested: RunFolder, names: list[str]
) -> None:
    page = opened(tested)
    assert "of the kinds of mistakes **targets that nothing found** cost most" in text_of(page)
    assert "3 images · All images" in text_of(page)
    assert html_of(page).index(f'alt="{names[1]}"') < html_of(page).index(f'alt="{names[0]}"')
    assert "1 missed · 1 background" in html_of(page)
    assert "prediction · square · 0.60 · background" in html_of(page)
    assert "the image does not exist" in html_of(page), "gone.jpg"


def test_one_kind_of_mistake_can_be_looked_at(tested: RunFolder) -> None:
    page = opened(tested, kind="missed")
    assert "1 image · With missed" in text_of(page)
    assert "All images" in text_of(opened(tested, kind="nonsense"))


def test_a_kind_and_a_cell_are_both_told(tested: RunFolder) -> None:
    page = opened(tested, kind="missed", cell="2-")
    assert "1 image · With missed · star that was not found" in text_of(page)


def test_another_kind_begins_at_its_first_page(here: Installation) -> None:
    rows = [(f"{number}.jpg", "target", 2, None, BOX) for number in range(30)]
    page = opened(run_with_test(here, table(*rows)), page="2")
    assert page.query_params["page"] == ["2"]
    page.pills[0].set_value("missed").run()
    assert not page.exception
    assert page.session_state["page"] == 1


@pytest.mark.parametrize("asked", ["0", "99", "x", "1" * 5000])
def test_a_page_that_is_none_is_the_first(tested: RunFolder, asked: str) -> None:
    page = opened(tested, page=asked)
    assert "page" not in page.query_params and not page.error


def test_the_confidence_moves_counts_matrix_and_images(tested: RunFolder) -> None:
    page = opened(tested, conf="0.7")
    assert page.slider[0].value == 0.7
    assert "· background" not in html_of(page)
    assert page.dataframe[0].value.to_numpy().sum() == 2, "one found, one missed"


def test_what_the_test_left_out_is_said_and_not_asked_about(tested: RunFolder) -> None:
    assert "not kept" not in text_of(opened(tested))
    say_kept(tested, conf=0.57, max_det=300, predictions_left_out=0, images_left_out=0)
    page = opened(tested, conf="0.3")
    assert "Boxes of less than confidence 0.57 were not kept" in text_of(page)
    assert (page.slider[0].min, page.slider[0].value) == (0.57, 0.57)
    page.segmented_control(key="form.mistakes_view").set_value("confidence").run()
    assert not page.exception
    assert page.dataframe[0].value["confidence"].min() >= 0.57


def test_the_best_confidence_is_a_click_away(tested: RunFolder) -> None:
    page = opened(tested)
    offered = page.button(key="mistakes.best").label
    click(page, "mistakes.best")
    assert offered == f"Best F1: {page.slider[0].value:.2f}"
    assert page.slider[0].value != 0.25
    assert page.button(key="mistakes.best").disabled


def test_a_click_shows_an_image_and_the_next_one(tested: RunFolder, names: list[str]) -> None:
    page = click(opened(tested), "mistakes.open.0")
    assert page.query_params["image"] == [names[1]]
    assert "1 / 3" in text_of(page)
    assert list(page.dataframe[-1].value["became"]) == ["missed", "background"]
    assert "2 / 3" in text_of(click(page, "mistakes.Right"))


def test_the_confidences_of_classes_and_sizes_have_their_view(tested: RunFolder) -> None:
    page = opened(tested)
    page.segmented_control(key="form.mistakes_view").set_value("confidence").run()
    assert not page.exception
    best, sizes, shares = (part.value for part in page.dataframe)
    assert list(best["class"]) == ["all", "circle", "square", "star"]
    assert best["confidence"].isna().tolist() == [False, True, True, False]
    assert list(sizes["instances"]) == [2, 0, 0]
    assert list(shares["instances"]) == [0, 2, 0, 0]


def test_a_click_on_a_curve_sets_its_confidence_and_leads_to_the_images(
    tested: RunFolder,
) -> None:
    page = opened(tested)
    page.segmented_control(key="form.mistakes_view").set_value("confidence").run()
    page = click_point(page, 1, curve_number=2, point_index=9, x=0.5, y=0.5)
    assert page.slider[0].value == 0.5
    assert page.button(key="mistakes.way.1").label == "background 1"
    page = click_point(page, 2, curve_number=0, point_index=140, x=0.5, y=1.0)
    assert page.slider[0].value == 0.7, "the 702nd of the thousand confidences"
    assert page.button(key="mistakes.way.1").disabled, "no false alarm is as confident"
    page = click(page, "mistakes.way.0")
    assert "1 image · With missed" in text_of(page)
    assert page.slider[0].value == 0.7


def test_a_curve_of_a_class_leads_to_the_images_of_the_class(tested: RunFolder) -> None:
    page = opened(tested)
    page.segmented_control(key="form.mistakes_view").set_value("confidence").run()
    page.selectbox(key="class_of_curves").set_value("0").run()
    assert page.button(key="mistakes.way.0").label == "star that was not found 1"
    page = click(page, "mistakes.way.0")
    assert page.query_params["cell"] == ["2-"]
    assert "1 image · star that was not found" in text_of(page)


def test_nothing_to_find_is_said(here: Installation, names: list[str]) -> None:
    page = opened(run_with_test(here, table((names[0], "prediction", 1, 0.6, FAR))))
    assert "Nothing was to be found in the images of split test" in text_of(page)
    assert "1 image" in text_of(page)
    page.segmented_control(key="form.mistakes_view").set_value("confidence").run()
    assert "Without targets there is nothing to weigh" in text_of(page)


def test_no_image_at_all_is_said(here: Installation) -> None:
    assert "No image has it" in text_of(opened(run_with_test(here, table())))


def test_a_test_from_before_offers_to_test_again(here: Installation) -> None:
    folder = run_with_test(here, None)
    assert "has no finished test" in text_of(opened(folder))
    folder.test_metrics.write_text('{"split": "test", "classes": {}}')
    page = opened(folder)
    assert "did not keep what it saw" in text_of(page)
    assert "mistakes.retest" not in [button.key for button in page.button], "no weights"
    folder.weights("best").parent.mkdir(parents=True)
    folder.weights("best").write_bytes(b"weights")
    assert "mistakes.retest" in [button.key for button in opened(folder).button]


def test_damaged_tables_are_said_with_what_to_do(tested: RunFolder) -> None:
    tested.boxes.write_bytes(b"no parquet")
    page = opened(tested)
    assert "boxes.parquet is damaged" in page.error[0].value
    assert "Launch it again" in page.error[0].value


def test_pictures_that_cannot_be_found_hide_nothing_else(tested: RunFolder) -> None:
    tested.data.unlink()
    page = opened(tested)
    assert "cost most" in text_of(page)
    assert page.error


def test_what_the_figures_suggest_leads_to_its_images(here: Installation) -> None:
    rows = [(f"{number}", "target", 2, None, BOX) for number in range(30)]
    rows += [(f"{number}", "prediction", 1, 0.9, BOX) for number in range(30)]
    page = opened(run_with_test(here, table(*rows, ("x", "target", 1, None, BOX))))
    assert "are taken for each other in 30 of 31 cases" in text_of(page)
    page = click(page, "suggestion.look.confused")
    assert page.query_params["cell"] == ["2-1"]
    assert "30 images · star predicted as square" in text_of(page)


def test_the_address_names_a_cell(tested: RunFolder) -> None:
    assert "1 image · star that was not found" in text_of(opened(tested, cell="2-"))
    assert "All images" in text_of(opened(tested, cell="9-9"))


def test_images_come_in_the_order_that_is_chosen(tested: RunFolder, names: list[str]) -> None:
    html = html_of(opened(tested, order="name"))
    assert html.index(f'alt="{names[0]}"') < html.index(f'alt="{names[1]}"'), "not the worst first"
    page = opened(tested, order="nonsense")
    assert page.selectbox(key="form.order").value == ""


def test_a_live_run_says_that_its_test_is_not_over(here: Installation) -> None:
    live = run_with_test(here, None, state="running")
    assert "The test step has not finished yet" in text_of(opened(live))
    early = run_with_test(here, table(("a", "target", 1, None, BOX)), state="running")
    early.test_metrics.unlink()  # written after the tables
    page = opened(early)
    assert "The test step has not finished yet" in text_of(page) and not page.error
    assert "mistakes.retest" not in [button.key for button in page.button]


@pytest.mark.parametrize("view", ["images", "slices", "confidence", "labels"])
def test_a_test_of_one_class_reads_well(here: Installation, names: list[str], view: str) -> None:
    rows = (
        (names[0], "target", 0, None, BOX),
        (names[0], "prediction", 0, 0.9, BOX),
        (names[1], "target", 0, None, BOX),
        (names[1], "prediction", 0, 0.6, FAR),
    )
    folder = run_with_test(here, table(*rows), names=("thing",))
    page = opened(folder, mistakes_view=view)
    assert not page.error
    assert "of the kinds of mistakes **targets that nothing found** cost most" in text_of(page)


def test_the_answer_stands_once_wherever_one_looks(tested: RunFolder) -> None:
    write_summary(tested)
    lost = "of the kinds of mistakes"
    assert text_of(open_page(run_page, run=tested.name)).count(lost) == 1
    assert text_of(opened(tested)).count(lost) == 1
    page = open_page(run_page, run=tested.name)
    assert text_of(click(page, "head.mistakes")).count(lost) == 1


def test_the_matrix_says_what_it_counts(tested: RunFolder) -> None:
    assert "Boxes count from confidence 0.25 on" in text_of(opened(tested))
    say_kept(tested, conf=0.3)
    assert "Boxes count from" not in text_of(opened(tested)), "as in the test's own matrix"
