"""What differs between runs: settings and files, and metrics by epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.actions.engines import Outage
from pipeline.actions.runs.details import show
from pipeline.actions.runs.find import folder_of, newest, record_of
from pipeline.actions.runs.from_mlflow import is_elsewhere
from pipeline.actions.runs.seeds import key_of, mean_and_std, seed_key
from pipeline.core.errors import (
    EngineUnreachable,
    RunNotFound,
    SlipwayError,
    TrackingUnreachable,
)
from pipeline.core.files import read_text
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.elsewhere import id_elsewhere
from pipeline.tracking.reader import Tracking
from pipeline.tracking.summary import History, lower_is_better, summary

Table = dict[str, dict[str, Any]]
Curve = Sequence[tuple[int, float]]

# They name the place of a run, so they differ always and say nothing.
_PLACES = ("project", "name", "save_dir", "model", "data", "cfg")


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Parameters
    ----------
    runs
        What `show` says of each run, by the name that was asked for; runs that Slipway did not
        launch by what they are called.
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


def candidates(settings: Settings, limit: int = 200) -> tuple[dict[str, str], tuple[Outage, ...]]:
    """Give the runs that can be compared, newest first, and engines that do not answer.

    Of each run what it is asked for by, and what people call it; runs that Slipway did not launch
    come last.
    """
    found = newest(settings, limit=limit)
    names = [folder_of(settings, run).name for run in found.runs]
    others = Tracking(settings).elsewhere(limit)
    called = {run.id: called_elsewhere(run.id, run.name) for run in others}
    return {name: name for name in names} | called, found.outages


def called_elsewhere(id_: str, name: str) -> str:
    """Give what a run that Slipway did not launch is called: names need not be unique."""
    return f"{name} · {id_elsewhere(id_)[:6]}"


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
            document = show(settings, run)
            if is_elsewhere(run):
                history = tracking.history(run)
            else:
                history = tracking.history_or_file(RunFolder(Path(document["folder"])))[0]
        except (RunNotFound, EngineUnreachable, TrackingUnreachable) as reason:
            missing[run] = reason
            continue
        name = called_elsewhere(run, document["launch"]) if is_elsewhere(run) else run
        shown[name], histories[name] = document, history
    return Comparison(shown, histories, _params(shown), missing)


def seed_groups(found: Comparison) -> dict[str, list[str]]:
    """Give the runs that differ in nothing but their seed, by what they are called together."""
    groups: dict[str, list[str]] = {}
    for run, document in found.runs.items():
        folder = RunFolder(Path(document["folder"]))
        is_other = is_elsewhere(document["run"])
        key = key_of(document["params"]) if is_other else seed_key(folder)
        groups.setdefault(key or run, []).append(run)
    return {
        members[0] if len(members) == 1 else f"{members[0]} + {len(members) - 1}": members
        for members in groups.values()
    }


def mean_values(
    values: Mapping[str, Mapping[str, float]], groups: Mapping[str, Sequence[str]]
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Give mean and standard deviation of each metric over the runs of each group."""
    means: dict[str, dict[str, float]] = {}
    spreads: dict[str, dict[str, float]] = {}
    for group, runs in groups.items():
        names = dict.fromkeys(name for run in runs for name in values.get(run, {}))
        pairs = {
            name: mean_and_std(values[run][name] for run in runs if name in values.get(run, {}))
            for name in names
        }
        means[group] = {name: mean for name, (mean, _) in pairs.items()}
        spreads[group] = {name: std for name, (_, std) in pairs.items()} if len(runs) > 1 else {}
    return means, spreads


def mean_curve(curves: Sequence[Curve]) -> tuple[Curve, Curve]:
    """Give mean and standard deviation by epoch; what is no number counts at no epoch."""
    by_epoch: dict[int, list[float]] = {}
    for epoch, value in (point for curve in curves for point in curve):
        if math.isfinite(value):
            by_epoch.setdefault(epoch, []).append(value)
    pairs = {epoch: mean_and_std(by_epoch[epoch]) for epoch in sorted(by_epoch)}
    means = [(epoch, mean) for epoch, (mean, _) in pairs.items()]
    return means, [(epoch, std) for epoch, (_, std) in pairs.items()]


def class_counts(document: Mapping[str, Any], split: str) -> dict[str, int]:
    """Give the instances of each class in a split, as counted for a run that `show` says of."""
    path = RunFolder(Path(document["folder"])).distribution
    if not path.is_file():
        return {}
    classes = json.loads(read_text(path))["splits"].get(split, {}).get("classes", {})
    return {name: count["instances"] for name, count in classes.items()}


def differing(params: Mapping[str, Mapping[str, Any]], *, counts_missing: bool = True) -> Table:
    """Keep the parameters whose values are not the same for all runs.

    Without `counts_missing` a run that lacks a parameter makes no difference: one that has not
    trained, or that Slipway did not launch, lacks most.
    """
    return {
        key: dict(values)
        for key, values in params.items()
        if len({str(value) for value in values.values() if counts_missing or value is not None}) > 1
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
    from pipeline.core.cfg.train_cfg import diff_text

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
