"""The views, against what KFP's own UI and agent take."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from PIL import Image

from step_images import kfp_ui
from tests.kubeflow import ui_format


def test_cells_come_out_of_a_table_as_they_went_in() -> None:
    rows = [("별, 큰", '"quoted"', 3), ("two\nlines", "", 0.5)]
    (view,) = ui_format.views(kfp_ui.ui_metadata(kfp_ui.table(("class", "note", "count"), rows)))
    assert view.labels == ("class", "note", "count")
    assert view.rows == tuple(tuple(map(str, row)) for row in rows)


def test_a_matrix_has_a_cell_for_every_pair_whatever_the_labels_are() -> None:
    labels = [" dog", "dog ", "고양이, 큰", "background"]
    counts = [[10 * row + column for column in range(4)] for row in range(4)]
    view = kfp_ui.confusion_matrix(labels, counts, ("target", "predicted"))
    (drawn,) = ui_format.views(kfp_ui.ui_metadata(view))
    assert drawn.labels == ("dog (0)", "dog (1)", "고양이, 큰", "background")
    assert drawn.rows == tuple(tuple(map(str, row)) for row in counts)
    assert [entry["name"] for entry in view["schema"]] == ["target", "predicted", "count"]


def test_pictures_are_inside_the_page_and_missing_ones_are_named(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a<b>.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "labels.jpg")
    paths = [tmp_path / name for name in ("a<b>.png", "labels.jpg", "results.png")]
    text = kfp_ui.ui_metadata(kfp_ui.web_app(kfp_ui.image_page("A & B", paths)))
    (view,) = ui_format.views(text)
    assert view.pictures == {path.name: path.read_bytes() for path in paths[:2]}
    assert "results.png was not written" in view.html


def test_metric_names_are_what_kfp_takes() -> None:
    values = {
        "mAP50-95": 0.5,
        "metrics/mAP50(B)": 1.0,
        "2nd ": 0.0,
        "정확도": 0.25,
        "x" * 63 + "-y": 1.0,
    }
    found = ui_format.metrics(kfp_ui.metrics({**values, "lost": math.nan, "endless": math.inf}))
    assert found == {
        "mAP50-95": 0.5,
        "metrics-mAP50-B": 1.0,
        "nd": 0.0,
        "metric": 0.25,
        "x" * 63: 1.0,
    }


@pytest.mark.parametrize(
    "view",
    [
        {"type": "image", "storage": "inline", "source": "x"},
        {"type": "web-app", "storage": "inline", "source": ""},
        {"type": "web-app", "source": "<p>"},
        {"type": "web-app", "storage": "inline", "source": '<img src="plot.png">'},
        {"type": "table", "storage": "inline", "source": "1,2", "header": ["a", "b"]},
        {**kfp_ui.table(("a", "b"), [(1, 2)]), "header": ["a"]},
        {**kfp_ui.confusion_matrix(["a"], [[1]], ("t", "p")), "labels": ["b"]},
        {**kfp_ui.confusion_matrix(["a"], [[1]], ("t", "p")), "schema": []},
    ],
)
def test_what_kfp_would_not_draw_is_found(view: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        ui_format.views(json.dumps({"outputs": [view]}))
