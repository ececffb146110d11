"""What a run's tuning has found until now, for people to look at and to stop trials by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.actions.runs.find import find, folder_of
from pipeline.core.errors import FileMissing, InputError, UsageError
from pipeline.core.files import read_text
from pipeline.core.said import said
from pipeline.core.space.search_space import SearchSpace, load_space
from pipeline.core.space.trials import (
    KEPT,
    Trial,
    ask_to_stop,
    best_of,
    curves,
    is_asked_to_stop,
    read_trials,
)
from pipeline.core.states import State
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.yamltext.file import load_yaml
from pipeline.engines.base import Run
from pipeline.tracking.schema import NOT_METRICS, shown_name

_ENDED_BEFORE = "the step ended before it."


@dataclass(frozen=True)
class Tuning:
    """A search and its trials.

    Parameters
    ----------
    metric
        What the trials are judged by, the higher the better.
    asked
        How many trials were asked for; 0 when that is not known yet.
    settings
        What is searched.
    current
        The settings as they were before; empty before the first trial is over.
    importance
        How much each setting matters, the sum is 1; empty when there are too few trials to tell.
    log_scaled
        Settings that are searched on a log scale.
    trials
        In the order of their numbers.
    stopping
        Running trials that somebody has asked to stop.
    """

    metric: str
    asked: int
    settings: tuple[str, ...]
    trials: tuple[Trial, ...]
    current: Mapping[str, Any] = field(default_factory=dict)
    importance: Mapping[str, float] = field(default_factory=dict)
    log_scaled: frozenset[str] = frozenset()
    stopping: frozenset[str] = frozenset()

    @property
    def best(self) -> Trial | None:
        """The best trial that came to its end, or else of those that were ended early.

        None where nothing was detected: then no trial is better than another.
        """
        return best_of([t for t in self.trials if t.score(self.metric)], self.metric)

    @property
    def is_blank(self) -> bool:
        """Whether trials are over and none of them has detected anything."""
        return best_of(self.trials, self.metric) is not None and self.best is None

    @property
    def first_score(self) -> float | None:
        """What the trial with the settings as they were before has reached."""
        before = (t for t in self.trials if self.current and t.values == self.current)
        return next((t.score(self.metric) for t in before if t.state in KEPT), None)

    def named(self, name: str) -> Trial:
        """Give a trial by its name or number, ``trial-003`` or ``3``; the best when it is empty.

        Raises
        ------
        FileMissing
            There is no such trial, none that has come to an end, or none that is the best.
        """
        if not name:
            if self.best:
                return self.best
            message, hint = said("no trial has come to its end yet."), said("Wait for one.")
            if self.is_blank:
                message = said(
                    "no trial is the best: {metric} is 0 in every trial that is over.",
                    metric=self.metric,
                )
                hint = said("Name one with --trial, or train for more epochs first.")
            raise FileMissing(message, where="trial", next=hint)
        wanted = f"trial-{int(name):03d}" if name.isascii() and name.isdecimal() else name
        for trial in self.trials:
            if trial.name == wanted:
                return trial
        raise FileMissing(
            said("there is no trial '{name}'.", name=name),
            where="trial",
            next=said(
                "Choose one of {count}, such as {trial}.",
                count=len(self.trials),
                trial=self.trials[0].name,
            )
            if self.trials
            else said("Wait for the first."),
        )


def tuning_of_run(here: Installation, run: str) -> tuple[Run, RunFolder, Tuning]:
    """Find a run with its folder and its tuning.

    Raises
    ------
    RunNotFound, EngineUnreachable
        There is no such run, or nobody can say.
    FileMissing
        It has not searched anything.
    """
    found = find(here, run)
    folder = folder_of(here, found)
    made = tuning(folder, is_over=State(found.state).is_finished)
    if made is None:
        raise FileMissing(
            said("{name} has no trials.", name=folder.name),
            where=str(folder.trial_folders),
            next=said("Launch with --tune, or wait until its tune step has started."),
        )
    return found, folder, made


def tuning(folder: RunFolder, *, is_over: bool) -> Tuning | None:
    """Give what is known of a run's search; None before its tune step has begun.

    Parameters
    ----------
    is_over
        Whether the run is: then no trial runs, whatever the record of one says whose step was
        killed.

    Raises
    ------
    InputError
        A record is damaged.
    """
    trials = read_trials(folder)
    document = _document(folder)
    if not trials and not document:
        return None
    if is_over:
        trials = [_ended(trial) for trial in trials]
    space = document.get("space", {})
    asked = _asked(folder)
    drawn = dict.fromkeys(key for trial in trials for key in trial.values)
    running = (trial.name for trial in trials if trial.state == "running")
    return Tuning(
        metric=str(document.get("metric", asked.metric)),
        asked=int(document.get("trials_asked", asked.trials if asked.space else 0)),
        settings=tuple(space or drawn),
        trials=tuple(trials),
        current=document.get("current", {}),
        importance=document.get("importance", {}),
        log_scaled=frozenset(key for key, entry in space.items() if entry.get("scale") == "log"),
        stopping=frozenset(n for n in running if is_asked_to_stop(folder.trial_folders / n)),
    )


def trial_curves(folder: RunFolder, names: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """Give the values of each metric by trial, one an epoch, under the names that people see."""
    found: dict[str, dict[str, list[float]]] = {}
    for name in names:
        for column, values in curves(folder, name).items():
            if column not in NOT_METRICS and values:
                found.setdefault(shown_name(column), {})[name] = values
    return found


def differing_values(trials: Sequence[Trial]) -> dict[str, dict[str, Any]]:
    """Give the searched settings in which trials differ, and the value of each trial."""
    keys = dict.fromkeys(key for trial in trials for key in trial.values)
    table = {key: {trial.name: trial.values.get(key) for trial in trials} for key in keys}
    return {key: row for key, row in table.items() if len({str(v) for v in row.values()}) > 1}


def stop_trial(folder: RunFolder, trial: Trial) -> None:
    """Let a running trial end after its epoch; the search goes on with the next.

    Raises
    ------
    UsageError
        It does not run.
    InputError
        The volume cannot be written.
    """
    if trial.state != "running":
        raise UsageError(
            said("{name} is {state}: there is nothing to stop.", name=trial.name, state=trial.state)
        )
    try:
        ask_to_stop(folder, trial.name)
    except OSError as reason:
        where = str(folder.trial_folders / trial.name)
        raise InputError(
            said("{name} cannot be stopped: {reason}.", name=trial.name, reason=reason.strerror),
            where=where,
            next=said(
                "Stop it where the volume can be written, by an empty file 'stop' in its folder."
            ),
        ) from reason


def _document(folder: RunFolder) -> dict[str, Any]:
    if not folder.tune.is_file():
        return {}
    try:
        document: dict[str, Any] = json.loads(read_text(folder.tune))
    except json.JSONDecodeError as reason:
        raise InputError(
            said("tune.json cannot be read: {reason}.", reason=reason), where=str(folder.tune)
        ) from reason
    return document


def _asked(folder: RunFolder) -> SearchSpace:
    """Give the launch's search space, which tune.json repeats once a trial is over."""
    if folder.tune.is_file() or not folder.tune_space.is_file():
        return SearchSpace()
    return load_space(load_yaml(folder.tune_space))


def _ended(trial: Trial) -> Trial:
    if trial.state != "running":
        return trial
    return replace(trial, state="interrupted", error=_ENDED_BEFORE)
