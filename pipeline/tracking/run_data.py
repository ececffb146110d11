"""What a run folder has to say to MLflow: parameters, metric points and files."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.files import read_json, read_text
from pipeline.core.volume.machine import mlflow_name, read_samples
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.schema import (
    NOT_METRICS,
    TEST_METRICS,
    TEST_PREFIX,
    epoch_to_step,
    logged_name,
)

ARTIFACTS = {
    "train": (
        "args.yaml",
        "applied.json",
        "results.csv",
        "results.png",
        "labels.jpg",
        "train_batch0.jpg",
        "confusion_matrix.png",
        "confusion_matrix_normalized.png",
    ),
    "test": (
        "metrics.json",
        "confusion_matrix.png",
        "confusion_matrix_normalized.png",
        "boxes.parquet",
        "images.parquet",
    ),
    "tune": ("trials.csv", "best_hyperparameters.yaml", "tune.json", "tune.png"),
}

_TRIAL_STATUS = {
    "done": "FINISHED",
    "pruned": "FINISHED",
    "stopped": "KILLED",
    "interrupted": "KILLED",
    "failed": "FAILED",
    "invalid": "FAILED",
}


@dataclass(frozen=True)
class Point:
    """One value of one metric.

    Parameters
    ----------
    name
        MLflow's metric name.
    step
        MLflow's step: epoch − 1.
    value
        The value; infinities are clipped to the largest number, as MLflow stores them.
    """

    name: str
    step: int
    value: float

    @property
    def place(self) -> tuple[str, int]:
        """What it is a value of."""
        return (self.name, self.step)

    @property
    def text(self) -> str:
        """Its value as text, so that NaN too is like itself."""
        return repr(self.value)


@dataclass(frozen=True)
class RunData:
    """Everything that one MLflow run should hold.

    Parameters
    ----------
    params
        Parameters as text.
    points
        Metric values.
    """

    params: dict[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()


def launch_data(folder: RunFolder) -> RunData:
    """Collect what train and test have left in the run folder; nothing there gives nothing."""
    points = (
        *_result_points(folder.results),
        *_test_points(folder.test_metrics),
        *_mistake_points(folder),
        *_machine_points(folder.machine),
    )
    return RunData(_train_params(folder), points)


def trial_data(trial: Path) -> RunData:
    """Collect what one trial of the tuning has left in its folder."""
    points = _result_points(trial / "results.csv")
    return RunData(_as_text(_yaml_mapping(trial / "args.yaml")), points)


def trial_status(trial: Path) -> str:
    """Give MLflow's status of a trial by what it wrote about itself."""
    state = str(read_json(trial / "trial.json", {}).get("state", ""))
    return _TRIAL_STATUS.get(state, "RUNNING")


def trial_folders(folder: RunFolder) -> list[Path]:
    """List the folders of trials that have started training, in the order of their names."""
    return sorted(path.parent for path in folder.trial_folders.glob("*/args.yaml"))


def artifacts(folder: RunFolder) -> list[tuple[str, Path]]:
    """List (folder in MLflow, file) of the files worth keeping there; never weights."""
    paths = [
        (step, folder.step(step) / name) for step, names in ARTIFACTS.items() for name in names
    ]
    return [(step, path) for step, path in paths if path.is_file()]


def test_split(folder: RunFolder) -> str:
    """Say on which split the test step measured; empty when there was none."""
    return str(read_json(folder.test_metrics, {}).get("split", ""))


def _train_params(folder: RunFolder) -> dict[str, str]:
    """Give the first attempt's arguments, and of each resume what differs, as ``resume.N.*``.

    args.yaml is written before Ultralytics works out lr0 and the like, and MLflow takes a parameter
    only once; so it counts only when epochs are trained and no attempt was recorded (several GPUs).
    """
    attempts = read_json(folder.attempts, [])
    if not attempts and not folder.results.is_file():
        return {}
    attempts = attempts or [_yaml_mapping(folder.step("train") / "args.yaml")]
    first = _as_text(attempts[0])
    params = dict(first)
    for number, attempt in enumerate(attempts[1:], start=1):
        changed = {key: text for key, text in _as_text(attempt).items() if first.get(key) != text}
        params.update({f"resume.{number}.{key}": text for key, text in changed.items()})
    return params


def _result_points(path: Path) -> tuple[Point, ...]:
    """Read results.csv; a line that is still being written is left for the next time."""
    if not path.is_file():
        return ()
    text = read_text(path)
    rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))
    if not rows:
        return ()
    names = [name.strip() for name in rows[0]]
    by_step: dict[tuple[str, int], Point] = {}
    for row in rows[1:]:
        if len(row) != len(names):
            continue  # torn by a crash in the middle of a line
        values = dict(zip(names, map(float, row), strict=True))
        step = epoch_to_step(int(values["epoch"]))
        for name, value in values.items():
            if name not in NOT_METRICS:
                by_step[name, step] = Point(logged_name(name), step, _clipped(value))
    return tuple(by_step.values())


def _test_points(path: Path) -> tuple[Point, ...]:
    metrics = read_json(path, {})
    return tuple(
        Point(TEST_PREFIX + name, 0, float(metrics[name]))
        for name in TEST_METRICS
        if metrics.get(name) is not None  # what is not a number is null in the file
    )


def _mistake_points(folder: RunFolder) -> Iterator[Point]:
    """Give what mistakes cost, the best F1 with its confidence, and AP by size and share."""
    if not folder.mistakes.is_file():
        return
    # Takes a moment to import; few runs need it, and no list of them.
    from pipeline.core.mistakes.summary import read_summary

    found = read_summary(folder)
    if not found:
        return
    values: dict[str, float | None] = {f"AP50-95/{size}": of.ap for size, of in found.sizes.items()}
    values |= {f"AP50-95/share/{share}": of.ap for share, of in (found.shares or {}).items()}
    values |= {f"loss/{kind}": cost for kind, cost in found.cost.items()}
    if found.best:
        values |= {"best_f1": found.best.f1, "best_conf": found.best.conf}
    for name, value in values.items():
        if value is not None:
            yield Point(TEST_PREFIX + name, 0, value)


def _machine_points(path: Path) -> Iterator[Point]:
    """Count samples as MLflow's own system metrics do: its step is the number of the sample."""
    for column, samples in read_samples(path).items():
        for number, (_, value) in enumerate(samples):
            yield Point(mlflow_name(column), number, value)


def _clipped(value: float) -> float:
    largest = 1.7976931348623157e308
    return value if math.isnan(value) else max(-largest, min(largest, value))


def _as_text(values: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}


def _yaml_mapping(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(read_text(path)) or {}) if path.is_file() else {}
