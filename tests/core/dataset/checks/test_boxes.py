"""Boxes by size, shape and place, and the table that a grid of samples filters."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.core.dataset.checks.boxes import ASPECT_EDGES, HEAT_CELLS, PER_IMAGE_EDGES, box_stats
from pipeline.core.dataset.read import inspect_dataset, read_boxes
from pipeline.core.errors import InputError, Stopped
from pipeline.core.volume.paths import Volume
from tests.core.dataset.forms import LABELS, folders, write_label


def test_boxes_are_counted_by_size_shape_and_place() -> None:
    boxes = np.array([[0.01, 0.99, 0.5, 0.5], [0.5, 0.5, 0.4, 0.1], [1, 0, 0, 0]], np.float32)
    stats = box_stats(boxes, np.array([3, 0, 600]))
    assert (stats.boxes, stats.tiny, stats.median_side) == (3, 1, pytest.approx(0.2))
    assert sum(stats.side) == sum(stats.aspect) == 3
    assert stats.aspect[ASPECT_EDGES.index(4.0)] == 1
    assert stats.heat[HEAT_CELLS - 1][0] == stats.heat[16][16] == stats.heat[0][31] == 1
    assert (stats.per_image[PER_IMAGE_EDGES.index(3)], stats.per_image[-1]) == (1, 1)


def test_images_are_filtered_by_class_and_finding(tmp_path: Path) -> None:
    folders(tmp_path)
    write_label(tmp_path / LABELS / "train/train 0.txt", ["2 .5 .5 .1 .1", "2 .5 .5 .0001 .1"])
    write_label(tmp_path / LABELS / "train/train 3.txt", ["2 .5 .5 .1"])
    table = read_boxes(Volume(tmp_path), "data-custom.yaml", "train")
    names = [Path(path).name for path in table.images]
    assert [names[index] for index in table.select(codes=["box-tiny"])] == ["train 0.jpg"]
    assert [names[index] for index in table.select(codes=["label-malformed"])] == ["train 3.jpg"]
    assert [names[index] for index in table.select(codes=["label-empty"])] == ["train 1.jpg"]
    assert 0 in table.select(classes=[2])
    assert table.class_id[table.image == 0].tolist() == [2, 2]
    np.testing.assert_allclose(table.boxes[0], [0.5, 0.5, 0.1, 0.1])
    findings = inspect_dataset(Volume(tmp_path), "data-custom.yaml").all_findings
    (tiny,) = [finding for finding in findings if finding.code == "box-tiny"]
    assert tiny.where == f"{LABELS}/train/train 0.txt:2"


def test_who_watches_may_stop(tmp_path: Path) -> None:
    folders(tmp_path)

    def stop(phase: str, done: int, total: int) -> None:
        raise Stopped(f"stopped at {phase}.")

    with pytest.raises(Stopped, match="labels"):
        inspect_dataset(Volume(tmp_path), "data-custom.yaml", watch=stop)
    with pytest.raises(InputError, match="'nothing' is not a split"):
        read_boxes(Volume(tmp_path), "data-custom.yaml", "nothing")


@pytest.mark.parametrize(("corners", "task"), [(3, "segment"), (4, "obb")])
def test_polygons_are_named_and_do_not_stop_a_launch(
    tmp_path: Path, corners: int, task: str
) -> None:
    folders(tmp_path)
    label = tmp_path / LABELS / "train/train 0.txt"
    write_label(label, ["1 " + " ".join(["0.2 0.3", "0.6 0.3", "0.6 0.9", "0.2 0.9"][:corners])])
    report = inspect_dataset(Volume(tmp_path), "data-custom.yaml")
    assert (report.ok, report.task) == (True, task)
    assert any(finding.code == "polygon-labels" for finding in report.all_findings)
