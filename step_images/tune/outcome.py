"""Writes what came of a tuning: trials.csv, best_hyperparameters.yaml, tune.json."""

from __future__ import annotations

import csv
import io
import shutil
from typing import Any

import yaml

from pipeline.core.errors import SlipwayError
from pipeline.core.files import write_atomic, write_json
from pipeline.core.run_folder import RunFolder
from pipeline.core.search_space import METRICS, SearchSpace
from step_images.tune.trial import read_record


def write_trials(folder: RunFolder, space: SearchSpace) -> list[dict[str, Any]]:
    """Write ``trials.csv``: one line a trial, with its values and its best epoch."""
    rows = []
    for path in sorted(folder.trial_folders.glob("trial-*")):
        record = read_record(path)
        if not record:
            continue
        best = record["best"]
        rows.append(
            {
                "trial": path.name,
                "state": record["state"],
                **{key: record["values"].get(key) for key in space.space},
                **{name: best.get(name) for name in METRICS},
                "best_epoch": record["best_epoch"],
                "seconds": record["seconds"],
                "error": record.get("error", ""),
            }
        )
    columns = ["trial", "state", *space.space, *METRICS, "best_epoch", "seconds", "error"]
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_atomic(folder.trials, text.getvalue())
    return rows


def write_best(folder: RunFolder, space: SearchSpace, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Write the best trial's values and ``tune.json``, and free the other trials' weights.

    Returns
    -------
    dict
        The best trial's line.

    Raises
    ------
    SlipwayError
        No trial came to its end.
    """
    done = [row for row in rows if row["state"] == "done"]
    if not done:
        why = next((row["error"] for row in rows if row["error"]), "none was started")
        raise SlipwayError(
            f"none of {space.trials} trials came to its end: {why}",
            where=str(folder.trials),
            next="Read the log of the step, correct the search space, and retry.",
        )
    best = max(done, key=lambda row: row[space.metric])
    values = {key: best[key] for key in space.space}
    head = (
        f"# Best of {len(done)} trials: {best['trial']}, {space.metric} {best[space.metric]:.4f}\n"
        "# Use them as overrides, or copy them into a cfg.\n"
    )
    write_atomic(folder.best_hyperparameters, head + yaml.safe_dump(values, sort_keys=False))
    for path in folder.trial_folders.glob("trial-*"):
        if path.name != best["trial"]:
            shutil.rmtree(path / "weights", ignore_errors=True)
    document = {
        "metric": space.metric,
        "seed": space.seed,
        "epochs": space.epochs,
        "space": {key: entry.as_dict() for key, entry in space.space.items()},
        "best": best,
        "trials": rows,
    }
    write_json(folder.step("tune") / "tune.json", document)
    return best
