"""What differs between runs: settings and files, and metrics by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.actions.engines import Outage
from pipeline.actions.found_runs import folder_of, newest, record_of
from pipeline.actions.runs import show
from pipeline.core.errors import EngineUnreachable, RunNotFound, SlipwayError
from pipeline.core.files import read_text
from pipeline.core.run_folder import RunFolder
from pipeline.core.settings import Settings
from pipeline.tracking.reader import Tracking
from pipeline.tracking.summary import History, lower_is_better, summary

Table = dict[str, dict[str, Any]]

# They name the place of a run, so they differ always and say nothing.
_PLACES = ("project", "name", "save_dir", "model", "data", "cfg")


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Parameters
    ----------
    runs
        What `show` says of each run, by the name that was asked for.
    histories
        (epoch from 1, value) of every metric, by run.
    params
        Every parameter by run; None where a run has none of that name.
    missing
        Why a run that was asked for cannot be shown.
    """

    runs: Table = field(default_factory=dict)
    histories: dict[str, History] = field(default_factory=dict)
    params: Table = field(default_factory=dict)
    missing: dict[str, SlipwayError] = field(default_factory=dict)


def candidates(settings: Settings, limit: int = 200) -> tuple[list[str], tuple[Outage, ...]]:
    """Give the launches that can be compared, newest first, and engines that do not answer."""
    found = newest(settings, limit=limit)
    return [folder_of(settings, run).name for run in found.runs], found.outages


def compare(settings: Settings, runs: Sequence[str]) -> dict[str, Any]:
    """Say what differs: parameters (only those that differ) and metrics (all)."""
    shown = {run: show(settings, run) for run in dict.fromkeys(runs)}
    metrics = {run: document["metrics"] for run, document in shown.items()}
    return {"params": differing(_params(shown)), "metrics": _by_key(metrics)}


def side_by_side(settings: Settings, runs: Sequence[str]) -> Comparison:
    """Collect what a page needs to compare runs; a run that is gone does not hide the others."""
    tracking = Tracking(settings)
    shown: Table = {}
    histories: dict[str, History] = {}
    missing: dict[str, SlipwayError] = {}
    for run in dict.fromkeys(runs):
        try:
            shown[run] = show(settings, run)
        except (RunNotFound, EngineUnreachable) as reason:
            missing[run] = reason
            continue
        histories[run] = tracking.history_or_file(RunFolder(Path(shown[run]["folder"])))[0]
    return Comparison(shown, histories, _params(shown), missing)


def differing(params: Mapping[str, Mapping[str, Any]]) -> Table:
    """Keep the parameters whose values are not the same for all runs."""
    return {
        key: dict(values)
        for key, values in params.items()
        if len(set(map(str, values.values()))) > 1
    }


def values_of(history: History, at: str | int) -> dict[str, float]:
    """Give each metric's ``best`` or ``last`` value, or the one at an epoch.

    A metric without a finite value there is left out.
    """
    if isinstance(at, str):
        values = {name: value[at] for name, value in summary(history).items()}
    else:
        values = {name: dict(history[name]).get(at) for name in summary(history)}
    return {
        name: value for name, value in values.items() if value is not None and math.isfinite(value)
    }


def winners(metric: str, values: Mapping[str, float]) -> set[str]:
    """Give the runs with the best value of a metric; none when all are equal."""
    if len(set(values.values())) < 2:
        return set()
    best = (min if lower_is_better(metric) else max)(values.values())
    return {run for run, value in values.items() if value == best}


def by_class(document: Mapping[str, Any], metric: str) -> dict[str, float]:
    """Give a test metric of each class, of a run as `show` says it; empty without a test."""
    classes: Mapping[str, Any] = document["test"].get("classes", {})
    return {
        name: values[metric] for name, values in classes.items() if values.get(metric) is not None
    }


def file_diffs(one: RunFolder, other: RunFolder) -> dict[str, str | None]:
    """Give the unified diffs of cfg and data yaml as launched, by file name.

    Empty where they are the same, None where one of the runs has no such file.
    """
    # ruamel takes a tenth of a second to import, and most of this module does without.
    from pipeline.core.train_cfg import diff_text

    diffs: dict[str, str | None] = {}
    for before, after in ((one.cfg, other.cfg), (one.data, other.data)):
        names = (f"{folder.name}/{path.name}" for folder, path in ((one, before), (other, after)))
        is_there = before.is_file() and after.is_file()
        diffs[before.name] = (
            diff_text(read_text(before), read_text(after), *names) if is_there else None
        )
    return diffs


def _params(shown: Mapping[str, Mapping[str, Any]]) -> Table:
    params = {run: _compared(document) for run, document in shown.items()}
    keys = dict.fromkeys(key for values in params.values() for key in values)
    return {key: {run: values.get(key) for run, values in params.items()} for key in keys}


def _compared(document: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {key: document[key] for key in ("model", "cfg", "data", "experiment")}
    record = record_of(RunFolder(Path(document["folder"])))
    for switch in ("train", "tune"):
        asked = getattr(record.choices, switch) if record else None
        chosen[switch] = document["parameters"].get(f"bool_{switch}", asked)
    if record:
        chosen |= {f"sha256.{kind}": digest for kind, digest in record.sha256.items()}
        chosen["dataset_fingerprint"] = record.dataset_fingerprint
    params = {key: value for key, value in document["params"].items() if key not in _PLACES}
    return {**chosen, **params}


def _by_key(tables: Mapping[str, Mapping[str, Any]]) -> Table:
    keys = dict.fromkeys(key for table in tables.values() for key in table)
    return {key: {run: table[key] for run, table in tables.items() if key in table} for key in keys}
