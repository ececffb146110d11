"""Looks at every trial that is over: why it ended, and whether it was trained as drawn."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from ray import tune
from ray.tune.experiment import Trial as RayTrial

from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text
from pipeline.core.printable import one_line
from pipeline.core.space.search_space import SearchSpace
from pipeline.core.space.trials import KEPT, Trial, read_trial, trial_name, write_trial
from step_images.memory import TUNE, out_of_memory
from step_images.train import checkpoints
from step_images.train.applied import verdict
from step_images.tune.trial import END

# What a trial's files say that it was trained with.
Applied = Callable[[Path], Mapping[str, Any]]


class SearchWatch(tune.Callback):
    """Ray calls it in the step's own process when a trial has ended, one at a time.

    Parameters
    ----------
    trials
        Folder of all trials.
    space
        What is searched.
    base
        What all trials are trained with.
    applied
        Reads from a trial's folder what it was trained with.
    on_change
        Called when a trial is over and its record says why.
    """

    def __init__(
        self,
        trials: Path,
        space: SearchSpace,
        base: Mapping[str, Any],
        applied: Applied,
        on_change: Callable[[], None],
    ) -> None:
        self._trials = trials
        self._space = space
        self._base = base
        self._applied = applied
        self._on_change = on_change
        self.invalid: list[Trial] = []
        self.started = time.monotonic()
        self.stopper = _StopOnInvalid(self.invalid)

    @property
    def is_late(self) -> bool:
        """Whether the time limit is reached."""
        limit_min = self._space.time_limit_min
        return limit_min is not None and time.monotonic() - self.started >= limit_min * 60

    def on_trial_complete(
        self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any
    ) -> None:
        """Check a trial that came to its end, or that the scheduler ended."""
        self._close(trial, "")

    def on_trial_error(
        self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any
    ) -> None:
        """Say that a trial failed; the search goes on."""
        self._close(trial, _death(trial, {**self._base, **trial.config["values"]}))

    def _close(self, ray_trial: RayTrial, death: str) -> None:
        path = self._trials / trial_name(ray_trial.config["number"])
        try:
            record = read_trial(path)
        except SlipwayError as reason:  # its process died before it wrote anything
            record = Trial(path.name, values=ray_trial.config["values"], error=reason.message)
        if record.state == "running":
            record = self._ended(record, ray_trial.last_result.get(END, ""), death)
        if record.state in KEPT:
            record = self._checked(record, path)
        write_trial(self._trials, record)
        print(f"{record.name} {record.state}{f': {record.error}' if record.error else ''}")
        self._on_change()

    def _ended(self, record: Trial, end: str, death: str) -> Trial:
        if end == "done":
            return replace(record, state="done")
        if end == "stopped":
            return replace(record, state="stopped", error="somebody stopped it.")
        if death:
            return replace(record, state="failed", error=death)
        if self.invalid or not record.epochs:
            return replace(record, state="interrupted", error="the search ended before it.")
        if self.is_late:
            why = "the time limit of the search was reached."
            return replace(record, state="stopped", error=why)
        why = f"behind the others after {record.epochs} epochs."
        return replace(record, state="pruned", error=why)

    def _checked(self, record: Trial, path: Path) -> Trial:
        wrong = differences(path, {**self._base, **record.values}, self._applied)
        if not wrong:
            return record
        record = replace(record, state="invalid", error=f"not trained as drawn: {'; '.join(wrong)}")
        self.invalid.append(record)
        return record


class _StopOnInvalid(tune.Stopper):
    """Ends the whole search when a trial turned out to be invalid."""

    def __init__(self, invalid: list[Trial]) -> None:
        self._invalid = invalid

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return bool(self._invalid)


def checkpoint_arguments(path: Path) -> Mapping[str, Any]:
    """Give what a trial's last checkpoint says that it was trained with."""
    arguments: Mapping[str, Any] = checkpoints.load(path / "weights" / "last.pt")["train_args"]
    return arguments


def differences(path: Path, drawn: Mapping[str, Any], applied: Applied) -> list[str]:
    """Hold a trial's settings against its args.yaml and its checkpoint's train_args.

    Parameters
    ----------
    path
        The trial's folder.
    drawn
        The searched settings with what was drawn, and all others that were asked for.
    applied
        Reads the checkpoint's train_args.

    Returns
    -------
    list of str
        What differs, in words; empty when both are as drawn.
    """
    try:
        written = yaml.safe_load(read_text(path / "args.yaml"))
        trained = applied(path)
    except Exception as reason:  # noqa: BLE001 - whatever is wrong with them, they prove nothing
        return [f"nothing says what it was trained with ({reason})"]
    return [
        f"{key}: drawn {value}, args.yaml {written.get(key)}, checkpoint {trained.get(key)}"
        for key, value in drawn.items()
        if "different" in (verdict(key, drawn, written), verdict(key, drawn, trained))
    ]


def _death(trial: RayTrial, tried: Mapping[str, Any]) -> str:
    """Say why a trial's process failed that could not say it itself."""
    text = one_line(_error(trial))
    # Ray ends a trial's process before the machine has no memory left, and says it like that.
    is_memory = "running low on memory" in text
    memory = out_of_memory(MemoryError(), tried, TUNE) if is_memory else None
    return f"{memory.message} {memory.next}" if memory else f"its process died: {text[:300]}"


def _error(trial: RayTrial) -> str:
    """Give what Ray noted of a failure; its `get_error` looks where that is copied to later."""
    if trial.pickled_error_file:
        error = pickle.loads(Path(trial.pickled_error_file).read_bytes())
        return str(getattr(error, "cause", error))
    if trial.error_file:
        _when, _, text = read_text(Path(trial.error_file)).partition("\n")
        return text
    return "nothing says why."
