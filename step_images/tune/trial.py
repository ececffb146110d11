"""One trial of the tuning, in a process of its own that Ray's process has a `ForkServer` fork."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from pipeline.core.clock import utc_now
from pipeline.core.printable import one_line
from pipeline.core.settings import load_settings
from pipeline.core.space.trials import Trial, is_asked_to_stop, trial_name, write_trial
from pipeline.tracking.schema import shown_name
from step_images.guards import guard
from step_images.memory import TUNE, out_of_memory
from step_images.tune.forkserver import ForkServer, Tell
from step_images.ultralytics_home import named_weights

# What `train_yolo` needs, and what Ultralytics imports when a training starts (2 s of a CPU); not
# polars, which starts threads.
YOLO_IMPORTS = ("ultralytics.models.yolo", "torch._inductor", "torchvision")
# Metrics of an epoch, and whether it is the last one; gives whether the trial is to end now.
Report = Callable[[Mapping[str, float], bool], bool]
# Beside a trial's score in what Ray is told: the state it ended in, once it is trained. Its record
# goes on saying "running" until the search has checked it, since weights are freed by the record.
END = "end"


@dataclass(frozen=True)
class Setup:
    """What all trials of a search have in common.

    Parameters
    ----------
    trials
        Absolute folder of all trials.
    model
        Absolute path of the checkpoint that each starts from.
    base
        All training arguments that are not searched; the path of the data is absolute.
    metric
        What the search is judged by.
    """

    trials: str
    model: str
    base: Mapping[str, Any]
    metric: str


Train = Callable[[Setup, Path, Mapping[str, Any], Report], None]


def run_trial(
    config: Mapping[str, Any], *, setup: Setup, train: Train, imports: tuple[str, ...]
) -> None:
    """Train once with the values that were drawn and report after every epoch; Ray calls this.

    Ray's process runs one trial after another; each trains in another process.

    Parameters
    ----------
    config
        ``number`` of the trial and its ``values``.
    setup
        What it has in common with the others.
    train
        Trains with these values in this folder and reports each epoch: `train_yolo`, or a function
        of a test.
    imports
        Modules that it needs, for `ForkServer`.

    Raises
    ------
    RuntimeError
        The training failed; the trial's record says why, unless its process died.
    """
    from ray import tune

    # Ray puts the working directory there; nothing that a trial left in it is to be imported.
    sys.path[:] = [entry for entry in sys.path if entry not in ("", os.getcwd())]
    work = partial(_train_once, config, setup, train)
    with closing(_server(imports).run(work)) as told:
        for score, end in told:
            # The scheduler may end the trial here; the search then says why.
            tune.report({setup.metric: score, END: end})


@cache
def _server(imports: tuple[str, ...]) -> ForkServer:
    return ForkServer(imports)


def _train_once(config: Mapping[str, Any], setup: Setup, train: Train, tell: Tell) -> None:
    folder = Path(setup.trials)
    path = folder / trial_name(config["number"])
    shutil.rmtree(path, ignore_errors=True)
    trial = Trial(path.name, values=dict(config["values"]), started_at=utc_now())
    write_trial(folder, trial)
    started = time.monotonic()

    def after_epoch(metrics: Mapping[str, float], is_last: bool) -> bool:
        nonlocal trial
        trial = _with_epoch(trial, metrics, setup.metric)
        trial = replace(trial, seconds=round(time.monotonic() - started, 1))
        write_trial(folder, trial)
        print(f"{path.name} epoch {trial.epochs}: {setup.metric} {metrics[setup.metric]:.4f}")
        if not is_last:
            tell((trial.best[setup.metric], ""))
        return is_asked_to_stop(path)

    try:
        train(setup, path, trial.values, after_epoch)
    except Exception as reason:
        why = _why(reason, {**setup.base, **trial.values})
        write_trial(folder, replace(trial, state="failed", error=why))
        raise
    tell((trial.best[setup.metric], "stopped" if is_asked_to_stop(path) else "done"))


def train_yolo(setup: Setup, path: Path, values: Mapping[str, Any], report: Report) -> None:
    """Train with Ultralytics, from the setup's checkpoint."""
    # Here only, since it takes seconds. Its settings folder is the step's own, by the environment.
    from ultralytics import YOLO

    guard()  # Ray started this process without what the step had replaced
    is_over = False

    def after_epoch(trainer: Any) -> None:
        nonlocal is_over
        if is_over:
            return  # the final validation of best.pt is no epoch
        _check_batch(trainer, arguments)
        metrics = {shown_name(name): float(value) for name, value in trainer.metrics.items()}
        is_over = bool(trainer.stop)
        if report({**metrics, "fitness": float(trainer.fitness)}, is_over):
            trainer.stop = is_over = True

    yolo = YOLO(setup.model)
    yolo.add_callback("on_fit_epoch_end", after_epoch)
    files = named_weights(values, load_settings().volume)
    arguments = {**setup.base, **values, **files, "project": str(path.parent), "name": path.name}
    yolo.train(**arguments, exist_ok=True)


def _with_epoch(trial: Trial, metrics: Mapping[str, float], metric: str) -> Trial:
    epochs = trial.epochs + 1
    best = trial.score(metric)
    if best is None or metrics[metric] > best:
        trial = replace(trial, best=dict(metrics), best_epoch=epochs)
    return replace(trial, epochs=epochs)


def _check_batch(trainer: Any, arguments: Mapping[str, Any]) -> None:
    """Refuse what Ultralytics does about too little memory: another batch is another experiment."""
    asked, used = arguments.get("batch", 0), trainer.args.batch
    if asked >= 1 and used != asked:
        raise RuntimeError(f"CUDA out of memory: Ultralytics went on with a batch of {used}.")


def _why(reason: Exception, tried: Mapping[str, Any]) -> str:
    memory = out_of_memory(reason, tried, TUNE)
    if memory is not None:
        return f"{memory.message} {memory.next}"
    return f"{type(reason).__name__}: {one_line(reason)[:400]}"
