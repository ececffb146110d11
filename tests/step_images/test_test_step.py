from __future__ import annotations

import json
import re

import pytest
import yaml
from mlflow import MlflowClient

from pipeline.tracking.server import tracking_uri
from step_images.test.measuring import chosen_split
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

    table, page = json.loads(run.output("test-mlpipeline-ui-metadata").read_text())["outputs"]
    assert table["header"][:2] == ["class", "split"]
    assert table["source"].startswith("circle,test,")
    assert page["source"].count("base64,") == 3
    document = json.loads(run.output("test-mlpipeline-metrics").read_text())
    assert len(document["metrics"]) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", entry["name"]) for entry in document["metrics"])

    record = json.loads(run.folder.mlflow.read_text())
    logged = MlflowClient(tracking_uri(run.settings)).get_run(record["run_id"])
    assert logged.data.metrics["test/mAP50-95"] == metrics["mAP50-95"]
    assert logged.data.tags["slipway.test_split"] == "test"
    assert "train/box_loss" in logged.data.metrics  # what the outage left out is there too


def test_without_a_test_split_val_is_measured(trained_copy: YoloRun) -> None:
    data = trained_copy.folder.verified_data
    document = yaml.safe_load(data.read_text())
    assert chosen_split(data) == "test"
    data.write_text(yaml.safe_dump({**document, "test": None}))
    assert chosen_split(data) == "val"
