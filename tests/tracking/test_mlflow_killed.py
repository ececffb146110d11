"""The embedded MLflow server is killed while a training is followed; nothing of it is missing."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil
from mlflow.tracking import MlflowClient

from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.settings import Settings
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder, claim, run_folder
from pipeline.tracking import server
from pipeline.tracking.follower import Follower
from tests.fault_table import record
from tests.waiting import until

HEADER = "epoch,time,train/box_loss,metrics/mAP50-95(B),lr/pg0\n"


def test_a_server_that_is_killed_during_a_training(tmp_path: Path) -> None:
    settings = Settings(volume=tmp_path, state=tmp_path / "state")
    folder = started(settings)
    embedded = server.start(settings)
    try:
        until(lambda: server.server_state(settings) == "ready", embedded.log)
        with Follower(folder, settings):
            until(lambda: epochs(settings, folder) == [0], embedded.log)
            kill(embedded.record.pid)
            until(lambda: server.server_state(settings) == "off", embedded.log)
            with open(folder.results, "a", encoding="utf-8") as file:
                file.write("2,0.9,2.0,0.2,0.01\n")
    finally:
        embedded.stop()
    assert epochs(settings, folder) == [0, 1]
    record(
        "kill -9 of MLflow",
        "during a training",
        "the training goes on",
        "its database takes the run: one curve, each epoch once",
    )


def started(settings: Settings) -> RunFolder:
    """Give the folder of a training that has done one epoch."""
    folder = run_folder(Volume(settings.volume), "l-1")
    launch = Launch(
        id="l-1",
        choices=Choices(experiment="shapes"),
        model_path="yolov8-scratch.yaml",
        user="jun",
        created_at="2026-11-23T14:32:00.000Z",
        code_version="0.1.0",
    )
    launch.save(folder.launch)
    claim(folder, "uid-1")
    folder.step("train").mkdir()
    folder.attempts.write_text(json.dumps([{"lr0": 0.01, "model": "a.yaml", "resume": False}]))
    folder.results.write_text(HEADER + "1,0.5,2.5,0.1,0.01\n")
    return folder


def epochs(settings: Settings, folder: RunFolder) -> list[int]:
    """Give the steps that MLflow has of a metric."""
    if not folder.mlflow.exists():
        return []
    run_id = json.loads(folder.mlflow.read_text())["run_id"]
    client = MlflowClient(server.tracking_uri(settings))
    return [metric.step for metric in client.get_metric_history(run_id, "metrics/mAP50-95B")]


def kill(guard: int) -> None:
    """Kill the server, its workers and what guards it."""
    processes = [psutil.Process(guard), *psutil.Process(guard).children(recursive=True)]
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
