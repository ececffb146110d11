"""What the test step writes of what it saw, held against what Ultralytics makes of the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from PIL import Image
from ultralytics import YOLO

from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.summary import read_summary
from pipeline.core.mistakes.table import BOXES, CONF, IMAGES, IOU
from pipeline.core.volume.run_folder import RunFolder
from step_images.test.watching import watched
from tests.step_images.yolo_runs import ROOT

CLASSES = 30
SIZES = ((160, 120), (120, 160), (97, 61), (64, 64))  # one is smaller than what a model looks at


@dataclass(frozen=True)
class Measured:
    """A run whose test is over."""

    folder: RunFolder

    @property
    def boxes(self) -> pl.DataFrame:
        return pl.read_parquet(self.folder.boxes)

    @property
    def images(self) -> pl.DataFrame:
        return pl.read_parquet(self.folder.tested_images)

    @property
    def confusion(self) -> Any:
        path = self.folder.step("test") / "confusion_matrix.json"
        return json.loads(path.read_text())["counts"]

    @property
    def alone(self) -> Any:
        """What Ultralytics says without us."""
        return json.loads((self.folder.path / "alone.json").read_text())

    @property
    def facts(self) -> Any:
        return json.loads(pl.read_parquet_metadata(self.folder.boxes)["slipway"])


@pytest.fixture(scope="module")
def measured(
    sample_volume: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Measured]:
    """Measure a split of a made-up dataset with weights that make every mistake."""

    def run(split: object, *, classes: int = CLASSES, how: str = "everything") -> Measured:
        base = tmp_path_factory.mktemp("measured")
        _write_dataset(base / "data", classes)
        names = {index: f"class {index}" for index in range(classes)}
        places = {"train": "images/day", "val": "images/day", "test": split}
        data = base / "data.yaml"
        data.write_text(yaml.safe_dump({"path": str(base / "data"), "names": names, **places}))
        folder = RunFolder(base / "run")
        folder.step("test").mkdir(parents=True)
        model = (sample_volume / "yolov8-scratch.yaml").read_text()
        scratch = folder.path / "yolov8n-scratch.yaml"
        scratch.write_text(yaml.safe_dump({**yaml.safe_load(model), "nc": classes}))
        folder.cfg.write_text("workers: 0\n")
        program = [sys.executable, "-m", "tests.step_images.jittered"]
        done = subprocess.run(
            [*program, str(folder.path), str(data), "test", how],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return Measured(folder)

    return run


@pytest.fixture(scope="module")
def two_folders(measured: Callable[..., Measured]) -> Measured:
    return measured(["images/day", "images/night"])


def test_the_rows_add_up_to_the_confusion_matrix(two_folders: Measured) -> None:
    boxes, expected = two_folders.boxes, two_folders.confusion
    assert boxes.schema == BOXES
    assert sum(row[index] for index, row in enumerate(expected)) > 50
    assert matrix_of(judged(boxes, conf=0.001, iou=IOU), CLASSES) == expected


def test_their_figures_are_written_too(two_folders: Measured) -> None:
    summary = read_summary(two_folders.folder)
    metrics = json.loads(two_folders.folder.test_metrics.read_text())
    assert summary is not None
    assert summary.metrics["mAP50-95"] == pytest.approx(metrics["mAP50-95"], abs=1e-6)
    assert summary.counts["right"] > 0


def test_what_was_judged_in_pieces_is_what_the_whole_table_says(two_folders: Measured) -> None:
    boxes = two_folders.boxes
    again = judged(boxes.drop("partner", "iou", "fate"), conf=CONF, iou=IOU).cast(dict(BOXES))
    assert boxes.equals(again.select(boxes.columns))
    assert boxes["fate"].n_unique() == 8  # each kind, and none


def test_looking_on_changes_no_figure(two_folders: Measured) -> None:
    metrics = json.loads(two_folders.folder.test_metrics.read_text())
    alone = two_folders.alone
    assert metrics["mAP50-95"] == alone["metrics/mAP50-95(B)"] > 0.05
    assert metrics["precision"] == alone["metrics/precision(B)"]
    assert two_folders.confusion == alone["matrix"]


def test_images_of_the_same_name_in_two_folders_are_two(two_folders: Measured) -> None:
    images = two_folders.images
    assert images.schema == IMAGES
    names = [f"{folder}/{index}.png" for folder in ("day", "night") for index in range(12)]
    assert sorted(images["image"]) == sorted(names)
    targets = two_folders.boxes.filter(role="target").group_by("image").len()
    counted = dict(targets.iter_rows())
    assert [counted.get(name, 0) for name in images["image"]] == images["targets"].to_list()
    assert 0 in images["targets"]
    assert images["targets"].max() == 60  # a crowd


def test_targets_are_where_the_labels_say(two_folders: Measured) -> None:
    folder = two_folders.folder.path.parent / "data" / "labels" / "night"
    for name, width, height in two_folders.images.select("image", "width", "height").iter_rows():
        if not name.startswith("night/"):
            continue
        text = (folder / f"{name[6:-4]}.txt").read_text()
        label = np.array(text.split(), float).reshape(-1, 5)
        expected = np.concatenate(
            [label[:, 1:3] - label[:, 3:] / 2, label[:, 1:3] + label[:, 3:] / 2], axis=1
        ) * [width, height, width, height]
        rows = two_folders.boxes.filter(image=name, role="target").select("x1", "y1", "x2", "y2")
        assert np.allclose(np.sort(rows.to_numpy(), 0), np.sort(expected, 0), atol=1e-3)


def test_images_have_their_own_scores_and_looks(two_folders: Measured) -> None:
    images = two_folders.images
    for row in images.iter_rows(named=True):
        boxes = two_folders.boxes.filter(image=row["image"])
        counted = boxes.filter(pl.col("fate").is_not_null(), role="prediction")
        right = (counted["fate"] == "right").sum()
        if row["targets"]:
            assert row["recall"] == pytest.approx(right / row["targets"])
        if len(counted):
            assert row["precision"] == pytest.approx(right / len(counted))
        assert (row["f1"] == 1) == (row["worst"] is None)
    by_name = {row["image"]: row for row in images.iter_rows(named=True)}
    assert by_name["night/3.png"]["brightness"] < by_name["day/3.png"]["brightness"]
    assert by_name["day/0.png"]["sharpness"] < 1 < by_name["day/1.png"]["sharpness"]


def test_a_list_of_images_names_them_from_where_it_lies(measured: Callable[..., Measured]) -> None:
    run = measured("lists/some.txt", classes=1)
    assert sorted(run.images["image"]) == ["../images/day/1.png", "../images/night/1.png"]
    assert matrix_of(judged(run.boxes, conf=0.001, iou=IOU), 1) == run.confusion
    assert run.facts == {
        "conf": 0.001,
        "max_det": 300,
        "predictions_left_out": 0,
        "images_left_out": 0,
    }


def test_an_image_that_a_split_has_twice_is_there_once(measured: Callable[..., Measured]) -> None:
    run = measured(["lists/some.txt", "images/day"], classes=1)
    assert run.images["image"].is_unique().all()
    assert run.boxes.filter(image="images/day/1.png", role="target").height == 4
    assert run.facts["images_left_out"] == 1


def test_a_model_that_finds_nothing_has_tables_too(measured: Callable[..., Measured]) -> None:
    run = measured("images/night", how="nothing")
    assert set(run.boxes["fate"]) == {"missed"}
    assert set(run.images["f1"]) == {0, 1}
    empty = run.images.filter(targets=0)
    assert empty.select("precision", "recall", "f1", "worst").unique().row(0) == (1, 1, 1, None)
    assert not list(run.folder.step("test").glob(".*"))


def test_of_other_tasks_nothing_is_written(tmp_path: Path) -> None:
    with watched(YOLO("yolov8n-seg.yaml"), RunFolder(tmp_path)) as validator:
        assert validator is None
    assert not list(tmp_path.iterdir())


def matrix_of(found: pl.DataFrame, classes: int) -> list[list[int]]:
    """Count a row for each target's class and one for the background, as the step's file does."""
    own, partner = found["class"].to_numpy(), found["partner"]
    other = np.where(partner.is_null(), classes, own[partner.fill_null(0).to_numpy()])
    matrix = np.zeros((classes + 1, classes + 1), int)
    is_target = (found["role"] == "target").to_numpy()
    np.add.at(matrix, (own[is_target], other[is_target]), 1)
    is_alone = ~is_target & (other == classes) & found["fate"].is_not_null().to_numpy()
    np.add.at(matrix[classes], own[is_alone], 1)
    return matrix.tolist()


def _write_dataset(base: Path, classes: int) -> None:
    random = np.random.default_rng(3)
    for folder, light in (("day", 255), ("night", 80)):
        (base / "images" / folder).mkdir(parents=True)
        (base / "labels" / folder).mkdir(parents=True)
        for index in range(12):
            width, height = SIZES[index % len(SIZES)]
            pixels = random.integers(0, light, (height, width, 3), np.uint8)
            pixels = np.full_like(pixels, light // 2) if index == 0 else pixels
            Image.fromarray(pixels).save(base / "images" / folder / f"{index}.png")
            count = {5: 0, 6: 60}.get(index, 4)
            sides = random.uniform(0.1, 0.4, (count, 2))
            centres = sides / 2 + random.uniform(0, 1, (count, 2)) * (1 - sides)
            labels = np.column_stack([random.integers(0, classes, count), centres, sides])
            lines = [f"{int(row[0])} {' '.join(map(str, row[1:]))}\n" for row in labels]
            (base / "labels" / folder / f"{index}.txt").write_text("".join(lines))
    (base / "lists").mkdir()
    listed = [f"{base}/images/{name}/1.png\n" for name in ("day", "night")]
    (base / "lists" / "some.txt").write_text("".join(listed))
