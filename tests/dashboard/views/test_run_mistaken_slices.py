"""The slices on the tab about what a run's test got wrong."""

from __future__ import annotations

import json

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from pipeline.actions.installation import Installation
from pipeline.core.volume.run_folder import RunFolder
from tests.core.mistakes.sliced import SIDES, made
from tests.core.mistakes.tables import table
from tests.dashboard.pages import click, click_point, open_page, text_of
from tests.tested_runs import run_with_test

BOX = (10, 10, 30, 30)


def run_page() -> None:
    from dashboard.views.run.page import render

    render()


def opened(folder: RunFolder, **query: str) -> AppTest:
    page = open_page(run_page, tab="Mistakes", run=folder.name, **query)
    page.segmented_control(key="form.mistakes_view").set_value("slices").run()
    assert not page.exception
    return page


def small_stars(targets: pl.DataFrame) -> pl.Series:
    is_bad = (targets["class"] == 2) & (targets["side"] == SIDES[0])
    return is_bad.cast(pl.Float64) * 0.8 + 0.02


@pytest.fixture
def tested(here: Installation) -> RunFolder:
    boxes, images = made(1, small_stars)
    folder = run_with_test(here, boxes)
    images.write_parquet(folder.tested_images)
    return folder


def test_the_worst_slice_is_told_and_a_click_shows_its_images(tested: RunFolder) -> None:
    page = opened(tested)
    assert page.button(key="mistakes.worst.0").label == "star · small, to 32² px"
    assert "fewer found than elsewhere" in text_of(page)
    assert "Choose a slice to see its images" in text_of(page)
    page = click(page, "mistakes.worst.0")
    assert page.query_params["slice"] == ["class:2+size:0"]
    assert "in slice star · small, to 32² px, most mistakes first" in text_of(page)
    assert "mistakes.open.0" in [button.key for button in page.button]


def test_what_is_missed_most_stands_under_the_answer(tested: RunFolder) -> None:
    assert "Most of what is missed at confidence 0.25 is **star smaller than 21 px**" in text_of(
        opened(tested)
    )


def test_slices_by_a_property_say_what_differs(tested: RunFolder) -> None:
    page = opened(tested)
    rows = page.dataframe[0].value
    assert rows["slice"][0] == "star", "the one with the lowest recall"
    assert rows["more than chance"][0] == "R lower"
    page.selectbox(key="form.slices").set_value("folder").run()
    assert page.query_params["slices"] == ["folder"]
    assert set(page.dataframe[0].value["slice"]) == {"folder day", "folder night"}
    assert list(page.dataframe[0].value["more than chance"]) == ["", ""]


def test_a_click_on_the_chart_chooses_a_slice_as_one_on_its_row_does(tested: RunFolder) -> None:
    page, tables = opened(tested, slices="size"), set()
    for number, name in enumerate(("small, to 32² px", "medium, to 96² px")):
        page = click_point(page, -1, x=0.5, y=number)
        assert page.query_params["slice"] == [f"size:{number}"]
        assert f"in slice {name}, most mistakes first" in text_of(page)
        table = page.dataframe[0].proto
        assert json.loads(table.selection_default)["selection"]["rows"] == [number]
        tables.add(table.id)
    assert len(tables) == 2, "a table that is there would keep its own row"


def test_the_address_names_property_and_slice(tested: RunFolder) -> None:
    page = opened(tested, slices="brightness", slice="brightness:0")
    assert "in slice darkest quarter, to" in text_of(page)
    assert page.selectbox(key="form.slices").value == "brightness"


@pytest.mark.parametrize("text", ["nonsense", "class:99", "class:-1", "size:x", "class:²", "+"])
def test_a_slice_that_is_none_shows_no_images(tested: RunFolder, text: str) -> None:
    page = opened(tested, slice=text, slices="nonsense")
    assert "Choose a slice to see its images" in text_of(page)


def test_what_was_not_measured_is_said(here: Installation) -> None:
    folder = run_with_test(here, table(("a.jpg", "target", 2, None, BOX)), empty=["b.jpg"])
    page = opened(folder, slices="sharpness")
    assert "did not measure this" in text_of(page)
    assert "No slice of 30 targets or more is found less often" in text_of(page)


def test_nothing_to_find_has_slices_too(here: Installation) -> None:
    folder = run_with_test(here, table(("a.jpg", "prediction", 1, 0.9, BOX)))
    page = opened(folder, slices="crowding", slice="crowding:0")
    assert list(page.dataframe[0].value["slice"]) == ["no target"]
    assert "1 image" in text_of(page)
    assert "did not measure this" in text_of(opened(run_with_test(here, table())))
