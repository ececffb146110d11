import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.theme import DARK, LIGHT, Colours
from dashboard.widgets.dataset.box_figures import (
    aspect_figure,
    heat_figure,
    per_image_figure,
    side_figure,
)
from pipeline.core.dataset.checks.boxes import ASPECT_EDGES, SIDE_EDGES, BoxStats, box_stats

BOXES = np.array(
    [[0.1, 0.1, 0.1, 0.1], [0.9, 0.9, 0.1, 0.1], [0.5, 0.5, 0.4, 0.1], [0.5, 0.5, 0.001, 0.3]],
    dtype=np.float32,
)


@pytest.fixture
def stats() -> dict[str, BoxStats]:
    val = box_stats(BOXES[:1], np.array([1, 0]))
    return {"train": box_stats(BOXES, np.array([1, 3, 0, 0])), "val": val}


@pytest.mark.parametrize("look", [LIGHT, DARK])
def test_sizes_are_percent_of_each_split(stats: dict[str, BoxStats], look: Colours) -> None:
    figure = side_figure(stats, look)
    train, val = figure["data"]
    assert (train["name"], val["name"]) == ("train", "val")
    assert sum(train["y"]) == pytest.approx(100) and sum(val["y"]) == pytest.approx(100)
    assert len(train["x"]) == len(SIDE_EDGES) - 1
    assert SIDE_EDGES[0] < train["x"][0] < SIDE_EDGES[1]
    assert train["line"]["color"] == look.accent
    # The one box of val has a side of a tenth of the image's.
    at = val["y"].index(pytest.approx(100))
    assert SIDE_EDGES[at] <= 0.1001 and SIDE_EDGES[at + 1] >= 0.0999


def test_shapes_are_on_a_scale_of_ratios(stats: dict[str, BoxStats]) -> None:
    figure = aspect_figure(stats, LIGHT)
    assert figure["layout"]["xaxis"]["type"] == "log"
    at = figure["data"][1]["y"].index(pytest.approx(100))
    assert ASPECT_EDGES[at] <= 1.0001 and ASPECT_EDGES[at + 1] >= 0.9999


def test_images_are_counted_up_to_the_fullest(stats: dict[str, BoxStats]) -> None:
    train, val = per_image_figure(stats, LIGHT)["data"]
    assert train["x"] == ["0", "1", "2", "3"]
    assert train["y"] == pytest.approx([50, 25, 0, 25]) and val["y"] == pytest.approx(
        [50, 50, 0, 0]
    )


def test_the_map_has_the_image_s_top_on_top(stats: dict[str, BoxStats]) -> None:
    figure = heat_figure(stats["val"].heat, LIGHT)
    cells = np.asarray(figure["data"][0]["z"])
    assert cells.sum() == 1 and cells[3][3] == 1
    assert figure["layout"]["yaxis"]["autorange"] == "reversed"


def test_thin_boxes_and_no_boxes_are_said() -> None:
    def script() -> None:
        import numpy as np
        import streamlit as st

        from dashboard.widgets.dataset.box_statistics import show_box_statistics
        from pipeline.core.dataset.checks.boxes import BoxStats, box_stats

        boxes = np.array([[0.5, 0.5, 0.001, 0.3]], dtype=np.float32)
        show_box_statistics({"train": box_stats(boxes, np.array([1]))}, "some")
        st.divider()
        show_box_statistics({"train": BoxStats()}, "none")

    page = AppTest.from_function(script, default_timeout=30).run()
    assert not page.exception
    assert "1 box thinner than a pixel" in page.markdown[0].value
    assert "no box" in page.info[0].value
