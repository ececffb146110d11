from __future__ import annotations

import csv
import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from mlflow import MlflowClient

from pipeline.core.volume.machine import read_samples
from pipeline.tracking.server import tracking_uri
from pipeline.tracking.writer import track
from step_images.train import checkpoints
from step_images.train.applied import batch_note, compare
from tests.fault_table import record
from tests.kubeflow import ui_format
from tests.step_images.yolo_runs import YoloRun, make_run
from tests.waiting import until

pytestmark = pytest.mark.slow


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_model_yaml_is_trained_at_the_scale_in_its_name(trained: YoloRun) -> None:
    checkpoint = torch.load(trained.folder.weights("best"), weights_only=False)
    assert checkpoint["model"].yaml["scale"] == "n"


def test_every_epoch_is_in_the_results_and_the_weights_are_where_the_outputs_say(
    trained: YoloRun,
) -> None:
    assert [int(row["epoch"]) for row in rows_of(trained.folder.results)] == [1, 2]
    assert trained.output("train-last-pt").read_text() == str(trained.folder.weights("last"))
    assert trained.output("train-best-pt").read_text() == str(trained.folder.weights("best"))
    assert trained.output("train-data-yaml").read_text() == str(trained.folder.verified_data)
    assert not checkpoints.kept_copy(trained.folder.weights("last")).exists()


def test_the_kfp_ui_gets_the_plots_inline_and_metric_names_that_it_takes(trained: YoloRun) -> None:
    (page,) = ui_format.views(trained.output("train-mlpipeline-ui-metadata").read_text())
    assert [*page.pictures] == [
        "labels.jpg",
        "train_batch0.jpg",
        "confusion_matrix.png",
        "results.png",
    ]
    shown = ui_format.metrics(trained.output("train-mlpipeline-metrics").read_text())
    assert {"val-precision", "val-recall", "val-mAP50", "val-mAP50-95"} <= set(shown)


def test_what_was_applied_is_what_was_requested(trained: YoloRun) -> None:
    applied = json.loads(trained.folder.applied.read_text())
    assert applied["different"] == []
    assert applied["settings"]["epochs"]["verdict"] == "equal"
    assert applied["settings"]["data"]["verdict"] == "resolved"


def test_the_machine_was_watched(trained: YoloRun) -> None:
    assert read_samples(trained.folder.machine)["step_ram_mb"][-1][1] > 100


def test_an_outage_of_mlflow_is_said_and_filled_in_later(
    trained: YoloRun, trained_copy: YoloRun
) -> None:
    assert "Tracking: MLflow at http://127.0.0.1:" in trained.log("train")
    assert "The work goes on" in trained.log("train")
    assert not trained.folder.mlflow.exists()

    folder, settings = trained_copy.folder, trained_copy.settings
    assert track(folder, settings) > 100
    assert track(folder, settings) == 0
    run_id = json.loads(folder.mlflow.read_text())["run_id"]
    client = MlflowClient(tracking_uri(settings))
    run = client.get_run(run_id)
    assert run.data.params["lr0"] == "0.003"
    first, *_ = rows_of(folder.results)
    history = client.get_metric_history(run_id, "metrics/mAP50-95B")
    assert [metric.step for metric in history] == [0, 1]
    assert history[0].value == float(first["metrics/mAP50-95(B)"])
    files = {Path(entry.path).name for entry in client.list_artifacts(run_id, "train")}
    assert {"results.png", "confusion_matrix.png", "labels.jpg"} <= files
    record(
        "MLflow away",
        "for a whole training",
        "the training goes on; its log says that MLflow is away",
        "`slipway track RUN`, a retry or the next step fills in everything",
    )


def optimizer_steps(checkpoint: dict[str, Any]) -> int:
    return max(int(state["step"]) for state in checkpoint["optimizer"]["state"].values())


# Enough for a busy machine to send a signal in time.
EPOCHS = 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_training_that_is_ended_resumes_as_if_it_had_not_been(
    volume: Path, state: Path, number: signal.Signals
) -> None:
    run = make_run(volume, state, {"epochs": EPOCHS, "plots": False, "optimizer": "AdamW"})
    last = run.folder.weights("last")
    kept = checkpoints.kept_copy(last)
    process = run.start("train")
    until(lambda: kept.exists() and len(rows_of(run.folder.results)) >= 2, of=process)
    process.send_signal(number)
    code = process.wait(timeout=60)
    assert code == (143 if number is signal.SIGTERM else -signal.SIGKILL)
    if number is signal.SIGTERM:
        assert checkpoints.is_whole(last)
        assert json.loads(run.folder.failure("train").read_text())["why"] == "SIGTERM"
    # As if the kill had come in the middle of a save.
    last.write_bytes(kept.read_bytes()[:100_000])
    before = torch.load(kept, weights_only=False)

    process = run.start("train")
    until(lambda: torch.load(kept, weights_only=False)["epoch"] > before["epoch"], of=process)
    # The optimizer counts its steps: begun anew, it would not have come as far in one epoch.
    after = torch.load(kept, weights_only=False)
    assert optimizer_steps(after) > optimizer_steps(before)
    assert process.wait(timeout=240) == 0, run.log("train")
    assert f"Going on after epoch {before['epoch'] + 1} of {EPOCHS}" in run.log("train")
    rows = rows_of(run.folder.results)
    assert [int(row["epoch"]) for row in rows] == list(range(1, EPOCHS + 1))
    assert not run.folder.failure("train").exists()

    run_id = json.loads(run.folder.mlflow.read_text())["run_id"]
    client = MlflowClient(tracking_uri(run.settings))
    logged = client.get_run(run_id)
    assert logged.info.status == "FINISHED"
    assert logged.data.params["model"].endswith("yolov8n-scratch.yaml")
    assert logged.data.params["resume.1.resume"] == str(last)
    history = client.get_metric_history(run_id, "metrics/mAP50-95B")
    assert [metric.step for metric in history] == list(range(EPOCHS))
    assert [metric.value for metric in history] == [
        float(row["metrics/mAP50-95(B)"]) for row in rows
    ]
    how = "a stop" if number is signal.SIGTERM else "kill -9"
    record(
        "a torn last.pt",
        f"after {how} during an epoch",
        f"the step ends with exit code {code if code > 0 else 128 - code}",
        "a retry goes on from the last verified checkpoint: all epochs, one curve",
    )


def test_a_training_that_is_over_only_repeats_its_outputs(trained_copy: YoloRun) -> None:
    before = trained_copy.folder.weights("best").stat().st_mtime_ns
    assert trained_copy.run("train") == 0
    assert "nothing is left to do" in trained_copy.log("train")
    assert trained_copy.folder.weights("best").stat().st_mtime_ns == before
    assert trained_copy.output("train-best-pt").is_file()


def test_a_copy_is_put_back_only_where_the_checkpoint_is_torn(tmp_path: Path) -> None:
    last = tmp_path / "last.pt"
    torch.save({"epoch": 1, "weights": torch.zeros(1000)}, last)
    checkpoints.keep(last)
    torch.save({"epoch": 2, "weights": torch.ones(1000)}, last)
    newer = last.read_bytes()
    assert checkpoints.mend(last)
    assert last.read_bytes() == newer
    last.write_bytes(newer[: len(newer) // 2])
    checkpoints.keep(last)  # a torn file never replaces the copy
    assert checkpoints.mend(last)
    assert torch.load(last)["epoch"] == 1
    shutil.rmtree(tmp_path)
    assert not checkpoints.mend(last)


def test_epochs_behind_the_checkpoint_and_torn_lines_are_forgotten(tmp_path: Path) -> None:
    results = tmp_path / "results.csv"
    results.write_text("epoch,time,x\n1,0.5,1\n2,0.9,2\n3,1.4,3\n4,1.")
    checkpoints.forget_later_epochs(results, 2)
    assert results.read_text() == "epoch,time,x\n1,0.5,1\n2,0.9,2\n"


@pytest.mark.parametrize(
    ("key", "requested", "trained_with", "verdict"),
    [
        ("lr0", {"optimizer": "SGD", "lr0": 0.01}, {"lr0": 0.02}, "different"),
        ("lr0", {"optimizer": "auto", "lr0": 0.01}, {"lr0": 0.002}, "resolved"),
        ("batch", {"batch": -1}, {"batch": 48}, "resolved"),
        ("batch", {"batch": 64}, {"batch": 16}, "resolved"),
        ("batch", {"batch": 64}, {"batch": 63}, "different"),
        ("imgsz", {"imgsz": 100}, {"imgsz": 128}, "resolved"),
        ("mosaic", {"mosaic": 0}, {"mosaic": 1.0}, "different"),
        ("plots", {"plots": True}, {"plots": 1}, "different"),
        ("epochs", {"epochs": 5}, {"epochs": 5}, "equal"),
    ],
)
def test_the_verdict_of_each_setting(
    key: str, requested: dict[str, object], trained_with: dict[str, object], verdict: str
) -> None:
    applied = compare(requested, {}, {**requested, **trained_with})
    assert applied["settings"][key]["verdict"] == verdict
    assert (key in applied["different"]) == (verdict == "different")


def test_a_batch_that_the_gpu_could_not_hold_is_said() -> None:
    note = batch_note(compare({"batch": 240}, {}, {"batch": 30}))
    assert "240" in note
    assert "30" in note
    assert not batch_note(compare({"batch": -1}, {}, {"batch": 30}))
    assert not batch_note(compare({"batch": 16}, {}, {"batch": 16}))


def test_args_yaml_holds_the_cfg(trained: YoloRun) -> None:
    args = yaml.safe_load((trained.folder.step("train") / "args.yaml").read_text())
    assert (args["epochs"], args["imgsz"], args["optimizer"]) == (2, 64, "AdamW")
