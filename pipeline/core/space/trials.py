"""What the trials of a tuning left in their folders: ``<run>/tune/trials/trial-NNN``.

A trial writes ``trial.json`` after every epoch, beside Ultralytics' own ``args.yaml``,
``results.csv`` and weights. A file named ``stop`` in its folder ends it after its epoch.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from pipeline.core.errors import InputError, UnsafePath
from pipeline.core.files import read_text, write_atomic, write_json
from pipeline.core.said import said
from pipeline.core.volume.run_folder import RunFolder

TrialState = Literal["running", "done", "pruned", "stopped", "failed", "invalid", "interrupted"]
# Over, with a result that counts; a retry of the step does all others again.
KEPT = ("done", "pruned", "stopped")
_RECORD, _STOP = "trial.json", "stop"


@dataclass(frozen=True)
class Trial:
    """One trial of a tuning.

    Parameters
    ----------
    name
        ``trial-001`` and so on.
    state
        ``running``: also until its values are checked; ``pruned``: ended early by the scheduler;
        ``stopped``: by a person or by the time limit; ``invalid``: not trained with its own values;
        ``interrupted``: the step ended before it.
    values
        The searched settings and what was drawn for them.
    best
        Metrics of the best epoch by the metric of the search, under the names that people see.
    best_epoch, epochs
        Which that was, and how many are trained; both count from 1.
    seconds
        How long it has trained.
    error
        Why it ended, unless it is done.
    started_at
        When (ISO 8601, UTC); empty in records from before it was written.
    """

    name: str
    state: TrialState = "running"
    values: Mapping[str, Any] = field(default_factory=dict)
    best: Mapping[str, float] = field(default_factory=dict)
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0
    error: str = ""
    started_at: str = ""

    def score(self, metric: str) -> float | None:
        """Give the best value of a metric; None before the first epoch, or when it is no number."""
        value = self.best.get(metric)
        return None if value is None or not math.isfinite(value) else value


def trial_name(number: int) -> str:
    """Give the name of a trial's folder; trials count from 1."""
    return f"trial-{number:03d}"


def trial_number(name: str) -> int:
    """Give the number in a trial's name."""
    return int(name.rpartition("-")[2])


def read_trials(folder: RunFolder) -> list[Trial]:
    """Read all trials of a run in the order of their numbers.

    Raises
    ------
    InputError
        A ``trial.json`` is damaged.
    """
    paths = folder.trial_folders.glob(f"trial-*/{_RECORD}")
    return sorted((read_trial(path.parent) for path in paths), key=lambda t: trial_number(t.name))


def read_trial(path: Path) -> Trial:
    """Read the record in a trial's folder.

    Raises
    ------
    FileMissing
        The trial has not started.
    InputError
        It is damaged.
    """
    record = path / _RECORD
    names = {entry.name for entry in fields(Trial)} - {"name"}
    try:
        document = json.loads(read_text(record))
        return Trial(path.name, **{key: document[key] for key in names & document.keys()})
    except (json.JSONDecodeError, AttributeError, TypeError) as reason:
        raise InputError(
            said("{record} cannot be read: {reason}.", record=_RECORD, reason=reason),
            where=str(record),
        ) from reason


def write_trial(folder: Path, trial: Trial) -> None:
    """Write a trial's record below the folder of all trials, atomically."""
    document = asdict(trial)
    del document["name"]
    write_json(folder / trial.name / _RECORD, document)


def best_of(trials: Sequence[Trial], metric: str) -> Trial | None:
    """Give the best trial: of those that came to their end, or else of those ended early."""
    for states in (("done",), KEPT):
        scored = [(t.score(metric), t) for t in trials if t.state in states]
        known = [(score, trial) for score, trial in scored if score is not None]
        if known:
            return max(known, key=lambda pair: pair[0])[1]
    return None


def best_so_far(trials: Sequence[Trial], metric: str) -> list[float | None]:
    """Give the best value of the metric after each trial, in their order."""
    best: float | None = None
    values = []
    for trial in trials:
        score = trial.score(metric) if trial.state in KEPT else None
        if score is not None and (best is None or score > best):
            best = score
        values.append(best)
    return values


def curves(folder: RunFolder, name: str) -> dict[str, list[float]]:
    """Give the columns of a trial's ``results.csv``, a value an epoch; empty when it has none.

    A line that is still being written is left for the next time.
    """
    path = folder.trial_folders / name / "results.csv"
    if not path.is_file():
        return {}
    text = read_text(path)
    rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines(), skipinitialspace=True))
    names, lines = rows[0] if rows else [], [row for row in rows[1:] if len(row) == len(rows[0])]
    return {
        column.strip(): [float(line[index]) for line in lines] for index, column in enumerate(names)
    }


def ask_to_stop(folder: RunFolder, name: str) -> None:
    """Let a trial end after the epoch that it trains; the search goes on with the next.

    Raises
    ------
    UnsafePath
        There is no such trial.
    """
    path = folder.trial_folders / name
    if path.parent != folder.trial_folders or not (path / _RECORD).is_file():
        raise UnsafePath(
            said("'{name}' is not a trial of {launch}.", name=name, launch=folder.name)
        )
    write_atomic(path / _STOP, "")


def is_asked_to_stop(path: Path) -> bool:
    """Say whether somebody wants the trial of this folder to end."""
    return (path / _STOP).exists()
