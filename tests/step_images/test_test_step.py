from __future__ import annotations

import json

import polars as pl
import pytest
import yaml
from mlflow import MlflowClient

from pipeline.tracking.server import tracking_uri
from step_images.test.measuring import chosen_split
from tests.kubeflow import ui_format
from tests.step_images.yolo_runs import YoloRun

pytestmark = pytest.mark.slow


def test_best_is_measured_on_the_test_split(trained_copy: YoloRun) -> None:
    run = trained_copy
    assert run.run("test") == 0, run.log("test")
    metrics = json.loads(run.folder.test_metrics.read_text())
    assert metrics["split"] == "test"
    numbers = ("precision", "recall", "mAP50", "mAP50-95", "fitness")
    assert all(0 <= metrics[name] <= 1 for name in numbers)
    assert set(metrics["classes"]) == {"circle", "square", "star"}
    for values in metrics["classes"].values():
        assert set(values) == {"images", "instances", *numbers[:4]}
        assert (values["precision"] is None) == (values["instances"] == 0)
    assert (run.folder.step("test") / "confusion_matrix.png").is_file()

    boxes = pl.read_parquet(run.folder.boxes)
    targets = boxes.filter(role="target").group_by("class").len().sort("class")
    assert targets["len"].to_list() == [
        values["instances"] for values in metrics["classes"].values() if values["instances"]
    ]
    assert set(boxes["image"]) <= set(pl.read_parquet(run.folder.tested_images)["image"])

    table, matrix, page = ui_format.views(run.output("test-mlpipeline-ui-metadata").read_text())
    assert table.labels[:2] == ("class", "split")
    assert table.rows[0][:2] == ("circle", "test")
    assert len(page.pictures) == 4
    assert "worst.jpg" in page.pictures
    assert len(json.loads(run.folder.mistakes.read_text())["cost"]) == 6
    assert matrix.labels == ("circle", "square", "star", "background")
    for row, name in zip(matrix.rows, matrix.labels[:-1], strict=False):
        assert sum(map(int, row)) == metrics["classes"][name]["instances"]
    shown = ui_format.metrics(run.output("test-mlpipeline-metrics").read_text())
    assert shown == {name: metrics[name] for name in numbers}

    record = json.loads(run.folder.mlflow.read_text())
    logged = MlflowClient(tracking_uri(run.settings)).get_run(record["run_id"])
    assert logged.data.metrics["test/mAP50-95"] == metrics["mAP50-95"]
    assert logged.data.metrics["test/loss/missed"] >= 0
    assert logged.data.tags["slipway.test_split"] == "test"
    assert "train/box_loss" in logged.data.metrics  # what the outage left out is there too


def test_another_split_can_be_asked_for(trained_copy: YoloRun) -> None:
    assert trained_copy.run("test", "--split", "train") == 0, trained_copy.log("test")
    metrics = json.loads(trained_copy.folder.test_metrics.read_text())
    assert metrics["split"] == "train"
    assert sum(entry["images"] for entry in metrics["classes"].values()) > 0


def test_pictures_that_cannot_be_drawn_lose_no_figure(trained_copy: YoloRun) -> None:
    (trained_copy.folder.step("test") / "worst.jpg").mkdir(parents=True)
    assert trained_copy.run("test") == 0, trained_copy.log("test")
    assert "The worst images were not drawn: " in trained_copy.log("test")
    assert trained_copy.folder.test_metrics.is_file()


def test_without_a_test_split_val_is_measured(trained_copy: YoloRun) -> None:
    data = trained_copy.folder.verified_data
    document = yaml.safe_load(data.read_text())
    assert chosen_split(data) == "test"
    data.write_text(yaml.safe_dump({**document, "test": None}))
    assert chosen_split(data) == "val"
