"""The part of the comparison about what another run's test fixed and broke."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pipeline.actions.installation import Installation
from pipeline.core.volume.run_folder import RunFolder
from tests.core.mistakes.tables import table
from tests.dashboard.pages import click, open_page, text_of
from tests.tested_runs import run_with_test

BOX, FAR = (10, 10, 30, 30), (50, 50, 70, 70)


def compare_page() -> None:
    from dashboard.views.compare.page import render

    render()


def opened(*folders: RunFolder, **query: str) -> AppTest:
    runs = ",".join(folder.name for folder in folders)
    return open_page(compare_page, runs=runs, part="Mistakes", **query)


@pytest.fixture
def names(installation: Path) -> list[str]:
    """Two images that there are, and two that are gone."""
    found = sorted(path.name for path in (installation / "datasets").rglob("images/test/*"))
    return [*found[:2], "x.jpg", "y.jpg"]


def run_of(here: Installation, names: list[str], *found: int, **more) -> RunFolder:
    """Give a run whose test found the star in some of the first four images."""
    rows = [(name, "target", 2, None, BOX) for name in names[:4]]
    rows += [(names[number], "prediction", 2, 0.9, BOX) for number in found]
    return run_with_test(here, table(*sorted(rows)), **more)


@pytest.fixture
def pair(here: Installation, names: list[str]) -> tuple[RunFolder, RunFolder]:
    """The second finds the star in the second and third image, and no more in the first."""
    return run_of(here, names, 0), run_of(here, names, 1, 2)


def html_of(page: AppTest) -> str:
    return "\n".join(part.proto.body for part in page.get("html"))


def test_the_answer_and_the_fixed_images_come_first(
    pair: tuple[RunFolder, RunFolder], names: list[str]
) -> None:
    page = opened(*pair)
    assert "mAP50-95 rose by **0.2" in text_of(page)
    assert "fewer than 20 images cannot tell chance apart" in text_of(page)
    assert f"2 images · fixed · left {pair[0].name}, right {pair[1].name}" in text_of(page)
    assert "mistakes-pair" in html_of(page)
    assert "1 missed" in html_of(page) and "nothing wrong" in html_of(page)
    assert html_of(page).count(f'alt="{names[1]}"') == 2
    assert html_of(page).count("the image does not exist") == 2


@pytest.mark.parametrize(
    ("group", "number"), [("fixed", 1), ("broken", 0), ("still_wrong", 3), ("still_right", None)]
)
def test_a_group_of_images_can_be_chosen(
    pair: tuple[RunFolder, RunFolder], names: list[str], group: str, number: int | None
) -> None:
    page = opened(*pair, changed=group)
    if number is None:
        assert "No image has it." in text_of(page)
    else:
        assert f"· {group.replace('_', ' ')} ·" in text_of(page)
        assert page.button(key="pair.open.0").label == names[number]


def test_a_click_shows_what_both_runs_found_on_an_image_and_on_the_next_one(
    pair: tuple[RunFolder, RunFolder], names: list[str]
) -> None:
    page = click(opened(*pair), "pair.open.0")
    assert page.query_params["image"] == [names[1]]
    told = text_of(page).replace("\\", "")
    assert "1 / 2" in told
    assert f"{pair[0].name} · 1 missed" in told and f"{pair[1].name} · nothing wrong" in told
    assert html_of(page).count("mistakes-zoomed") == 2
    page = click(page, "mistakes.Right")
    assert page.query_params["image"] == [names[2]]
    assert "the image does not exist" in page.error[0].value


def test_an_image_that_only_one_of_the_tests_has_is_not_shown(
    pair: tuple[RunFolder, RunFolder],
) -> None:
    page = opened(*pair, image="only.jpg")
    assert "only.jpg is not an image of this test" in page.info[-1].value


def test_targets_are_counted_by_class(pair: tuple[RunFolder, RunFolder]) -> None:
    classes = opened(*pair).dataframe[-1].value
    assert classes.to_numpy().tolist() == [["star", 4, 2, 1, 1]]


def test_the_confidence_decides_what_is_right(pair: tuple[RunFolder, RunFolder]) -> None:
    assert "No image has it." in text_of(opened(*pair, conf="0.95"))


def test_the_baseline_is_the_one_chosen_on_the_page(pair: tuple[RunFolder, RunFolder]) -> None:
    turned = text_of(opened(*pair[::-1]))
    assert "mAP50-95 fell by **0.2" in turned
    assert "1 image · fixed" in turned


def test_one_of_several_others_can_be_chosen(
    pair: tuple[RunFolder, RunFolder], here: Installation, names: list[str]
) -> None:
    third = run_of(here, names, 0, 1, 2, 3)
    assert "3 images · fixed" in text_of(opened(*pair, third, against=third.name))


def test_what_is_left_out_is_said(here: Installation, names: list[str]) -> None:
    one = run_of(here, names, empty=["only.jpg"])
    page = opened(one, run_of(here, [*names[:3], "other.jpg"]))
    assert "Compared are images that both tests have" in page.warning[0].value
    assert f"2 only in {one.name}, 1 only in" in page.warning[0].value.replace("\\", "")
    assert not opened(one, run_of(here, names, empty=["only.jpg"])).warning


def test_nothing_in_common_is_said(here: Installation, names: list[str]) -> None:
    page = opened(run_of(here, names), run_with_test(here, table(), empty=["other.jpg"]))
    assert "no image in common" in page.error[0].value


def test_runs_without_tables_are_named(
    pair: tuple[RunFolder, RunFolder], here: Installation
) -> None:
    bare = run_with_test(here, None)
    page = opened(pair[0], bare)
    assert "did not keep what it saw" in page.info[-1].value
    assert bare.name in page.info[-1].value and pair[0].name not in page.info[-1].value


def test_one_run_alone_has_nothing_to_be_held_against(pair: tuple[RunFolder, RunFolder]) -> None:
    assert "Choose another run to compare this one with" in text_of(opened(pair[0]))


def test_tests_without_boxes_read_well(here: Installation) -> None:
    runs = [run_with_test(here, table(), empty=["gone.jpg"]) for _ in range(2)]
    page = opened(*runs, changed="still_right")
    assert "mAP50-95 did not change: 0.000" in text_of(page)
    assert "These images have no targets." in text_of(page)
    assert "1 image · still right" in text_of(page)
