"""One trial of the tuning; runs in a process of its own that Ray starts."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text, write_json
from pipeline.tracking.schema import shown_name

RECORD = "trial.json"


def run_trial(
    sampled: Mapping[str, Any], *, folder: str, base: Mapping[str, Any], model: str, metric: str
) -> None:
    """Train once with sampled values and report after every epoch; Ray calls this.

    Parameters
    ----------
    sampled
        The searched settings and their values.
    folder
        Absolute folder of all trials.
    base
        All other training arguments.
    model
        Absolute path of the checkpoint to start from.
    metric
        What is reported to Ray.
    """
    from ray import tune

    number = int(tune.get_context().get_trial_id().rpartition("_")[2]) + 1
    path = Path(folder) / trial_name(number)
    values = {key: _unboxed(value) for key, value in sampled.items()}
    done = read_record(path)
    if done.get("state") == "done" and done.get("values") == values:
        print(f"{path.name} is done already.", flush=True)  # a retry goes on behind it
    else:
        shutil.rmtree(path, ignore_errors=True)
        done = _train(path, values, base, model, metric)
    tune.report({metric: done["best"][metric], "best_epoch": done["best_epoch"]})


def trial_name(number: int) -> str:
    """Give the name of a trial's folder; trials count from 1."""
    return f"trial-{number:03d}"


def read_record(path: Path) -> dict[str, Any]:
    """Read what a trial wrote about itself; empty when there is nothing yet."""
    record = path / RECORD
    return dict(json.loads(read_text(record))) if record.is_file() else {}


def _train(
    path: Path, values: dict[str, Any], base: Mapping[str, Any], model: str, metric: str
) -> dict[str, Any]:
    # Here only, since it takes seconds. Its settings folder is the step's own, by the environment.
    from ultralytics import YOLO

    record = {"state": "running", "values": values, "best": {}, "best_epoch": 0, "seconds": 0.0}
    started = time.monotonic()

    def after_epoch(trainer: Any) -> None:
        if trainer.epoch >= trainer.epochs:
            return  # the final validation of best.pt is no epoch
        now = {shown_name(name): float(value) for name, value in trainer.metrics.items()}
        now["fitness"] = float(trainer.fitness)
        if not record["best"] or now[metric] > record["best"][metric]:
            record.update(best=now, best_epoch=trainer.epoch + 1)
        record["seconds"] = round(time.monotonic() - started, 1)
        write_json(path / RECORD, record)
        print(f"{path.name} epoch {trainer.epoch + 1}: {metric} {now[metric]:.4f}", flush=True)

    try:
        yolo = YOLO(model)
        yolo.add_callback("on_fit_epoch_end", after_epoch)
        yolo.train(**{**base, **values}, project=str(path.parent), name=path.name, exist_ok=True)
        _check_applied(path, values, vars(yolo.trainer.args))
    except BaseException as reason:
        state = "failed" if isinstance(reason, Exception) else "stopped"
        write_json(path / RECORD, {**record, "state": state, "error": str(reason)[:500]})
        raise
    record["state"] = "done"
    write_json(path / RECORD, record)
    return record


def _check_applied(path: Path, values: Mapping[str, Any], trained: Mapping[str, Any]) -> None:
    """Hold what was sampled against args.yaml and against what the trainer used."""
    written = yaml.safe_load(read_text(path / "args.yaml"))
    wrong = [
        f"{key}: sampled {value}, args.yaml {written.get(key)}, trained with {trained.get(key)}"
        for key, value in values.items()
        if written.get(key) != value or trained.get(key) != value
    ]
    if wrong:
        raise SlipwayError(
            f"{path.name} was not trained with its own values ({'; '.join(wrong)}).",
            where=str(path / "args.yaml"),
        )


def _unboxed(value: Any) -> Any:
    """Turn a numpy scalar into Python's own, which yaml and JSON can write."""
    return value.item() if hasattr(value, "item") else value
