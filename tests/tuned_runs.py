"""Runs that have been tuned, as their steps leave them, without a training."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from pipeline.actions.installation import Installation
from pipeline.actions.launching import launches
from pipeline.core.files import write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.space.search_space import Dimension, SearchSpace
from pipeline.core.space.trials import Trial, TrialState, trial_name, write_trial
from pipeline.core.volume.run_folder import RunFolder
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.store import Store

CURRENT = {"lr0": 0.01, "scale": 0.5, "fliplr": 0.5}
EPOCHS = 4
_BEGIN = datetime(2026, 11, 25, 10, tzinfo=UTC)


def tuned_run(
    here: Installation, trials: int = 12, *, state: str = "succeeded", **overrides: Any
) -> RunFolder:
    """Give the folder of a run whose tuning is over, or goes on with a trial that runs."""
    chosen = Choices(model="yolov8n-scratch.yaml", tune=True, overrides={"epochs": 6, **overrides})
    run = launches.submit(here, launches.prepare(here, chosen))
    folder = RunFolder(here.settings.volume / "runs" / run.launch)
    end_run(here, run.id, state)
    space = space_of(trials)
    folder.tune_space.write_text(space.dump())
    for number in range(1, trials + 1):
        write_trial(folder.trial_folders, drawn_trial(number))
        write_results(folder, trial_name(number))
    outcome(folder, space)
    return folder


def space_of(trials: int) -> SearchSpace:
    return SearchSpace(
        {
            "lr0": Dimension(0.0005, 0.05, "log"),
            "scale": Dimension(0.1, 0.9),
            "fliplr": Dimension(choices=(0.0, 0.5)),
        },
        trials=trials,
        epochs=EPOCHS,
    )


def end_run(here: Installation, run: str, state: str) -> None:
    finished = "" if state == "running" else "2026-11-25T12:00:00.000Z"
    begun = "2026-11-25T10:00:00.000Z"
    Store(Layout(here.settings.state).database).update_run(
        run, state=state, started_at=begun, finished_at=finished
    )


def drawn_trial(number: int, state: TrialState = "done") -> Trial:
    """Give a trial whose metric is best near lr0 = 0.004; every fifth is ended early."""
    draw = random.Random(number)
    values = {
        "lr0": round(math.exp(draw.uniform(math.log(0.0005), math.log(0.05))), 6),
        "scale": round(draw.uniform(0.1, 0.9), 4),
        "fliplr": draw.choice([0.0, 0.5]),
    }
    values = dict(CURRENT) if number == 1 else values
    score = round(0.62 - 0.15 * abs(math.log10(values["lr0"] / 0.004)) + 0.05 * values["scale"], 4)
    is_pruned = state == "done" and number % 5 == 0
    return Trial(
        trial_name(number),
        "pruned" if is_pruned else state,
        values,
        {"mAP50-95": score, "mAP50": score + 0.2, "precision": 0.7, "recall": 0.6},
        best_epoch=EPOCHS - 1,
        epochs=2 if is_pruned else EPOCHS,
        seconds=40.0 + draw.random() * 20,
        error="behind the others after 2 epochs." if is_pruned else "",
        started_at=f"{_BEGIN + timedelta(minutes=number):%Y-%m-%dT%H:%M:%S}.000Z",
    )


def write_results(folder: RunFolder, name: str) -> None:
    """Write what Ultralytics leaves in a trial's folder: results.csv and args.yaml."""
    path = folder.trial_folders / name
    top = drawn_trial(int(name.rpartition("-")[2])).best["mAP50-95"]
    lines = [
        f"{epoch},{epoch * 10},{2 / epoch},{top * (1 - 0.4 / epoch)}"
        for epoch in range(1, EPOCHS + 1)
    ]
    head = "epoch,time,train/box_loss,metrics/mAP50-95(B)"
    (path / "results.csv").write_text("\n".join([head, *lines]) + "\n")
    trained = {"optimizer": "AdamW", "lr0": 0.01, "momentum": 0.9, "warmup_bias_lr": 0.0}
    (path / "args.yaml").write_text(yaml.safe_dump(trained))


def outcome(folder: RunFolder, space: SearchSpace) -> None:
    """Write what the tune step writes after each trial."""
    from step_images.tune.outcome import write_outcome  # imports Ray, which takes seconds

    write_outcome(folder, space, CURRENT)


def leave_test(folder: RunFolder, value: float, classes: Mapping[str, float] | None = None) -> None:
    """Write what the test step leaves."""
    metrics = {"mAP50-95": value, "mAP50": value + 0.2, "precision": 0.7, "recall": 0.6}
    by_class = {name: {"mAP50-95": reached} for name, reached in (classes or {}).items()}
    write_json(folder.test_metrics, {"split": "test", **metrics, "classes": by_class})
