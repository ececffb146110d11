from typing import Any

import pytest

from dashboard.theme import DARK, LIGHT
from dashboard.widgets.dataset.split_distribution import (
    View,
    absent_classes,
    split_figure,
    split_table,
)
from pipeline.core.dataset.checks.counts import ClassCounts, SplitCounts

SPLITS = {
    "train": SplitCounts(
        images=10,
        instances=12,
        classes={"star": ClassCounts(2, 3), "circle": ClassCounts(5, 9), "square": ClassCounts()},
    ),
    "val": SplitCounts(
        images=4,
        instances=2,
        classes={"star": ClassCounts(1, 1), "circle": ClassCounts(), "square": ClassCounts(1, 1)},
    ),
}


def many(count: int) -> dict[str, SplitCounts]:
    classes = {f"class {i}": ClassCounts(1, count - i) for i in range(count)}
    return {"train": SplitCounts(images=count, instances=1, classes=classes)}


def test_classes_are_rows_and_splits_are_columns() -> None:
    table = split_table(SPLITS, View())
    assert list(table.index) == ["circle", "star", "square"]
    assert table["train"].tolist() == [9, 3, 0] and table["val"].tolist() == [0, 1, 1]
    assert split_table(SPLITS, View(measure="images"))["train"].tolist() == [5, 2, 0]
    assert list(split_table(SPLITS, View(order="id")).index) == ["star", "circle", "square"]


def test_shares_are_percent_of_each_split() -> None:
    shares = split_table(SPLITS, View(is_share=True))
    assert shares["train"].tolist() == pytest.approx([75, 25, 0])
    assert shares["val"].tolist() == pytest.approx([0, 50, 50])
    of_images = split_table(SPLITS, View(is_share=True, measure="images", order="id"))
    assert of_images["train"].tolist() == pytest.approx([20, 50, 0])


def test_a_filter_leaves_the_classes_that_have_its_text() -> None:
    assert list(split_table(SPLITS, View(filter="STA")).index) == ["star"]
    assert split_table(SPLITS, View(filter="moon")).empty


def test_classes_that_a_split_lacks_are_named() -> None:
    assert absent_classes(SPLITS) == {"train": ["square"], "val": ["circle"]}
    empty = {"val": SplitCounts(classes={"star": ClassCounts()})}
    assert absent_classes(empty) == {}


@pytest.mark.parametrize("look", [LIGHT, DARK])
def test_few_classes_are_rows_with_what_is_missing_written_out(look: Any) -> None:
    figure = split_figure(split_table(SPLITS, View()), View(), look)
    train, val = figure["data"]
    assert (train["name"], train["orientation"], train["marker"]["color"]) == (
        "train",
        "h",
        look.accent,
    )
    assert val["text"] == ["none", "1", "1"]
    assert val["textfont"]["color"][0] == look.warn


def test_many_classes_are_columns_of_a_chart_that_does_not_grow() -> None:
    heights = set()
    for count in (80, 1000):
        figure = split_figure(split_table(many(count), View()), View(), LIGHT)
        assert len(figure["data"][0]["x"]) == count
        assert "orientation" not in figure["data"][0]
        heights.add(figure["layout"]["height"])
    assert len(heights) == 1


def test_a_log_scale_is_on_the_axis_of_the_counts() -> None:
    view = View(is_log=True)
    assert split_figure(split_table(SPLITS, view), view, LIGHT)["layout"]["xaxis"]["type"] == "log"
    columns = split_figure(split_table(many(80), view), view, LIGHT)["layout"]
    assert (columns["yaxis"]["type"], columns["xaxis"]["type"]) == ("log", "category")


def test_long_names_that_are_alike_stay_two_classes() -> None:
    names = ["a very long name of a class one", "a very long name of a class two"]
    classes = dict.fromkeys(names, ClassCounts(1, 1))
    splits = {"train": SplitCounts(images=2, instances=2, classes=classes)}
    figure = split_figure(split_table(splits, View()), View(), LIGHT)
    assert len(set(figure["data"][0]["y"])) == 2
