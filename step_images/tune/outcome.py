"""Writes what came of a tuning: trials.csv, best_hyperparameters.yaml, tune.json, tune.png."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from pipeline.core.errors import SlipwayError
from pipeline.core.files import write_atomic, write_json
from pipeline.core.space.search_space import METRICS, SearchSpace
from pipeline.core.space.trials import Trial, best_of, read_trials
from pipeline.core.spreadsheet import csv_text
from pipeline.core.volume.run_folder import RunFolder


def write_outcome(
    folder: RunFolder, space: SearchSpace, current: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Write what is known of the trials until now, and free the weights that nobody needs.

    Called after each trial, so that a search that is stopped keeps what it has found.

    Returns
    -------
    list of dict
        The lines of ``trials.csv``: one for each trial, with its values and its best epoch.
    """
    from step_images.tune.searcher import importance

    trials = read_trials(folder)
    rows = [_row(trial, space) for trial in trials]
    columns = ["trial", "state", *space.space, *METRICS, "best_epoch", "epochs", "seconds", "error"]
    write_atomic(
        folder.trials, csv_text(columns, ([row[name] for name in columns] for row in rows))
    )
    best = best_of(trials, space.metric)
    document = {
        "metric": space.metric,
        "searcher": space.searcher,
        "scheduler": space.scheduler,
        "seed": space.seed,
        "trials_asked": space.trials,
        "epochs": space.epochs,
        "fraction": space.fraction,
        "space": {key: entry.as_dict() for key, entry in space.space.items()},
        "current": {key: current.get(key) for key in space.space},
        "importance": importance(space, trials),
        "best": _row(best, space) if best else None,
        "trials": rows,
    }
    write_json(folder.tune, document)
    if best:
        write_atomic(folder.best_hyperparameters, _best_text(trials, best, space))
        _free_weights(folder, trials, best)
    return rows


def best_row(rows: Sequence[Mapping[str, Any]], folder: RunFolder, space: SearchSpace) -> Any:
    """Give the best trial's line.

    Raises
    ------
    SlipwayError
        No trial came to its end.
    """
    best = best_of(read_trials(folder), space.metric)
    if best is None:
        why = next((row["error"] for row in rows if row["error"]), "none was started")
        raise SlipwayError(
            f"none of {space.trials} trials came to its end: {why}",
            where=str(folder.trials),
            next="Read the log of the step, correct the search space, and retry.",
        )
    return _row(best, space)


def _row(trial: Trial, space: SearchSpace) -> dict[str, Any]:
    return {
        "trial": trial.name,
        "state": trial.state,
        **{key: trial.values.get(key) for key in space.space},
        **{name: trial.score(name) for name in METRICS},
        "best_epoch": trial.best_epoch,
        "epochs": trial.epochs,
        "seconds": trial.seconds,
        "error": trial.error,
    }


def _best_text(trials: Sequence[Trial], best: Trial, space: SearchSpace) -> str:
    values = {key: best.values[key] for key in space.space}
    return (
        f"# Best of {len(trials)} trials: {best.name}, {space.metric} "
        f"{best.best[space.metric]:.4f}\n"
        "# Use them as overrides, or copy them into a cfg.\n"
        f"{yaml.safe_dump(values, sort_keys=False)}"
    )


def _free_weights(folder: RunFolder, trials: Sequence[Trial], best: Trial) -> None:
    for trial in trials:
        if trial.state != "running" and trial.name != best.name:
            shutil.rmtree(folder.trial_folders / trial.name / "weights", ignore_errors=True)
