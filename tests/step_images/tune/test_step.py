from __future__ import annotations

import csv
import json
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml
from mlflow import MlflowClient

from pipeline.core.errors import SlipwayError
from pipeline.core.space.search_space import Dimension, SearchSpace
from pipeline.core.space.trials import Trial, TrialState, read_trial, write_trial
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.server import tracking_uri
from step_images.tune.outcome import best_row, write_outcome
from step_images.tune.plots import write_plots
from step_images.tune.resources import Share, share_of, usable_cpus
from step_images.tune.search import current_settings, read_space
from tests.step_images.yolo_runs import YoloRun
from tests.waiting import until

SPACE = """\
space:
  lr0: {low: 0.0005, high: 0.02, scale: log}
  fliplr: {choices: [0.0, 0.5]}
trials: 2
epochs: 1
seed: 7
"""


def trials_of(run: YoloRun) -> list[dict[str, str]]:
    with open(run.folder.trials, newline="") as file:
        return list(csv.DictReader(file))


def ray_processes(run: YoloRun) -> list[str]:
    """Give the processes of this run's Ray; a test beside this one may have its own."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            is_ours = process.environ().get("SLIPWAY_STATE") == str(run.state)
            if is_ours and process.name() in ("raylet", "gcs_server"):
                found.append(process.name())
    return found


@pytest.mark.slow
def test_a_stopped_search_keeps_its_trials_and_a_retry_does_the_rest(
    trained_copy: YoloRun,
) -> None:
    run = trained_copy
    run.folder.tune_space.write_text(SPACE)
    first = run.folder.trial_folders / "trial-001"
    process = run.start("tune")
    until((first / "args.yaml").is_file, of=process)
    until(lambda: read_trial(first).state == "done", of=process)
    assert set(ray_processes(run)) == {"raylet", "gcs_server"}
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    assert [row["trial"] for row in trials_of(run) if row["state"] == "done"] == ["trial-001"]
    assert not ray_processes(run)
    record = read_trial(first)

    assert run.run("tune") == 0, run.log("tune")
    assert read_trial(first) == record
    rows = trials_of(run)
    assert [(row["trial"], row["state"]) for row in rows] == [
        ("trial-001", "done"),
        ("trial-002", "done"),
    ]
    assert (float(rows[0]["lr0"]), float(rows[0]["fliplr"])) == (0.003, 0.5)  # as they are now
    for row in rows:
        args = yaml.safe_load((run.folder.trial_folders / row["trial"] / "args.yaml").read_text())
        assert (args["lr0"], args["fliplr"]) == (float(row["lr0"]), float(row["fliplr"]))
        assert (args["epochs"], args["optimizer"]) == (1, "AdamW")
        assert args["model"] == str(run.folder.weights("best"))
    assert rows[0]["lr0"] != rows[1]["lr0"]
    best = yaml.safe_load(run.folder.best_hyperparameters.read_text())
    assert set(best) == {"lr0", "fliplr"}
    assert run.output("tune-trials").read_text() == run.folder.trials.read_text()
    assert "data:image/png" in run.output("tune-mlpipeline-ui-metadata").read_text()
    assert not ray_processes(run)

    parent = json.loads(run.folder.mlflow.read_text())
    client = MlflowClient(tracking_uri(run.settings))
    children = client.search_runs(
        [parent["experiment_id"]], f"tags.`mlflow.parentRunId` = '{parent['run_id']}'"
    )
    assert {child.data.tags["slipway.trial"] for child in children} == {"trial-001", "trial-002"}
    assert {child.info.status for child in children} == {"FINISHED"}
    assert {child.data.params["lr0"] for child in children} == {row["lr0"] for row in rows}


def record(folder: RunFolder, number: int, state: TrialState, lr0: float, score: float) -> None:
    best = {"mAP50-95": score, "mAP50": score, "fitness": score}
    name = f"trial-{number:03d}"
    error = "" if state == "done" else "why"
    write_trial(
        folder.trial_folders, Trial(name, state, {"lr0": lr0}, best, 1, 1, 2.0, error=error)
    )
    (folder.trial_folders / name / "weights").mkdir()


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


SEARCHED = SearchSpace({"lr0": Dimension(0.001, 0.1, "log")}, trials=4)


def test_the_best_is_one_that_came_to_its_end(folder: RunFolder) -> None:
    record(folder, 1, "done", 0.01, 0.3)
    record(folder, 2, "failed", 0.1, 0.9)
    record(folder, 3, "done", 0.02, 0.4)
    record(folder, 4, "pruned", 0.03, 0.5)
    best = best_row(write_outcome(folder, SEARCHED, {"lr0": 0.01}), folder, SEARCHED)
    assert best["trial"] == "trial-003"
    assert yaml.safe_load(folder.best_hyperparameters.read_text()) == {"lr0": 0.02}
    document = json.loads(folder.tune.read_text())
    states = [row["state"] for row in document["trials"]]
    assert states == ["done", "failed", "done", "pruned"]
    assert (document["best"]["trial"], document["current"]) == ("trial-003", {"lr0": 0.01})
    left = [path.parent.name for path in folder.trial_folders.glob("*/weights")]
    assert left == ["trial-003"]
    write_plots(folder, SEARCHED)
    assert folder.tune_plots.read_bytes().startswith(b"\x89PNG")


def test_where_all_were_ended_early_the_best_of_them_counts(folder: RunFolder) -> None:
    record(folder, 1, "stopped", 0.01, 0.3)
    record(folder, 2, "invalid", 0.1, 0.9)
    assert best_row(write_outcome(folder, SEARCHED, {}), folder, SEARCHED)["trial"] == "trial-001"


def test_a_search_in_which_every_trial_failed_says_why(folder: RunFolder) -> None:
    record(folder, 1, "failed", 0.1, 0.0)
    with pytest.raises(SlipwayError, match="none of 4 trials came to its end: why"):
        best_row(write_outcome(folder, SEARCHED, {}), folder, SEARCHED)
    assert not folder.best_hyperparameters.exists()


def test_the_default_space_holds_what_training_worked_out(folder: RunFolder) -> None:
    trained = {"optimizer": "AdamW", "lr0": 0.00125, "momentum": 0.9, "batch": 16, "imgsz": 64}
    current = current_settings({"optimizer": "auto", "epochs": 20, "batch": -1}, trained)
    assert (current["optimizer"], current["lr0"], current["batch"]) == ("AdamW", 0.00125, 16)
    space = read_space(folder, current)
    assert space.space["lr0"].contains(0.00125)
    assert (space.trials, space.epochs) == (4, 4)


def test_a_cfg_that_says_nothing_of_epochs_is_searched_with_those_of_the_training(
    folder: RunFolder,
) -> None:
    current = current_settings({}, {"optimizer": "AdamW", "epochs": 50})
    assert read_space(folder, current).epochs == 10


@pytest.mark.parametrize(
    ("cpus", "gpus", "parallel", "share"),
    [
        (2, 0, 8, Share(2, 1, 0)),
        (16, 1, 4, Share(4, 4, 0.25)),
        (16, 3, 2, Share(2, 8, 1)),
        (16, 2, 3, Share(3, 5, 0.5)),
        (16, 4, 1, Share(1, 16, 1)),
        (2, 1, 8, Share(2, 1, 0.5)),
    ],
)
def test_trials_share_the_machine_and_never_ask_for_more(
    cpus: int, gpus: int, parallel: int, share: Share
) -> None:
    assert share_of(cpus, gpus, parallel) == share
    assert share.cpus * share.parallel <= cpus


@pytest.mark.parametrize(("limit", "cpus"), [("100000 100000", 1), ("50000 100000", 1)])
def test_the_limit_of_a_container_counts(tmp_path: Path, limit: str, cpus: int) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(limit)
    assert usable_cpus(path) == cpus
    path.write_text("max 100000")
    assert usable_cpus(path) == usable_cpus(tmp_path / "none") >= 1
