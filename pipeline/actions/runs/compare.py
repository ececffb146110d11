"""What differs between runs: settings and files, and metrics by epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.actions.last_seen import Outage
from pipeline.actions.runs.details import show
from pipeline.actions.runs.entries import list_entries
from pipeline.actions.runs.find import record_of
from pipeline.actions.runs.model import RunDetails
from pipeline.actions.runs.same_data import SameData, same_data
from pipeline.actions.runs.seeds import key_of, mean_and_std, seed_key
from pipeline.core.errors import (
    EngineUnreachable,
    RunNotFound,
    SlipwayError,
    TrackingUnreachable,
)
from pipeline.core.files import read_text
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.elsewhere import id_elsewhere
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
        Everything about each run, by the name that was asked for; runs that Slipway did not launch
        by what they are called.
    params
        Every parameter by run; None where a run has none of that name.
    missing
        Why a run that was asked for cannot be shown.
    """

    runs: dict[str, RunDetails] = field(default_factory=dict)
    params: Table = field(default_factory=dict)
    missing: dict[str, SlipwayError] = field(default_factory=dict)

    @cached_property
    def data(self) -> SameData:
        """Whether they used the same data, and how far that was looked at."""
        return same_data([details.facts.folder for details in self.runs.values()])


def candidates(here: Installation) -> tuple[dict[str, str], tuple[Outage, ...]]:
    """Give the runs that can be compared, newest first, and engines that do not answer.

    Of each run what it is asked for by, and what people call it; runs that Slipway did not launch
    come last.
    """
    entries, outages = list_entries(here)
    ours = {entry.facts.name: entry.facts.name for entry in entries if not entry.elsewhere}
    others = [entry.elsewhere for entry in entries if entry.elsewhere]
    return ours | {run.id: called_elsewhere(run.id, run.name) for run in others}, outages


def called_elsewhere(id_: str, name: str) -> str:
    """Give what a run that Slipway did not launch is called: names need not be unique."""
    return f"{name} · {id_elsewhere(id_)[:6]}"


def compare(here: Installation, runs: Sequence[str]) -> Comparison:
    """Collect what is to be known of runs, all of which must be there."""
    shown = {run: show(here, run) for run in dict.fromkeys(runs)}
    return Comparison(shown, _params(shown))


def side_by_side(here: Installation, runs: Sequence[str]) -> Comparison:
    """Collect what a page needs to compare runs; a run that is gone does not hide the others."""
    shown: dict[str, RunDetails] = {}
    missing: dict[str, SlipwayError] = {}
    for run in dict.fromkeys(runs):
        try:
            found = show(here, run)
        except (RunNotFound, EngineUnreachable, TrackingUnreachable) as reason:
            missing[run] = reason
            continue
        facts = found.facts
        shown[run if facts.folder else called_elsewhere(facts.id, facts.launch)] = found
    return Comparison(shown, _params(shown), missing)


def seed_groups(found: Comparison) -> dict[str, list[str]]:
    """Give the runs that differ in nothing but their seed, by what they are called together."""
    groups: dict[str, list[str]] = {}
    for run, details in found.runs.items():
        folder = details.facts.folder
        key = seed_key(folder) if folder else key_of(details.params)
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


def class_counts(folder: RunFolder | None, split: str) -> dict[str, int]:
    """Give the instances of each class in a split, as a run's distribution step counted them."""
    if folder is None or not folder.distribution.is_file():
        return {}
    classes = json.loads(read_text(folder.distribution))["splits"].get(split, {}).get("classes", {})
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


def file_diffs(one: RunFolder | None, other: RunFolder | None) -> dict[str, str | None]:
    """Give the unified diffs of cfg and data yaml as launched, by file name.

    Empty where they are the same, None where one of the runs has no such file.
    """
    if one is None or other is None:
        return {"cfg.yaml": None, "data.yaml": None}
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


def _params(shown: Mapping[str, RunDetails]) -> Table:
    params = {run: _compared(details) for run, details in shown.items()}
    keys = dict.fromkeys(key for values in params.values() for key in values)
    return {key: {run: values.get(key) for run, values in params.items()} for key in keys}


def _compared(details: RunDetails) -> dict[str, Any]:
    facts = details.facts
    record = record_of(facts.folder) if facts.folder else None
    chosen: dict[str, Any] = {
        "model": facts.model,
        "cfg": facts.cfg,
        "data": facts.data,
        "experiment": facts.experiment,
        "train": facts.parameters.get("bool_train", record.choices.train if record else None),
        "tune": facts.parameters.get("bool_tune", record.choices.tune if record else None),
    }
    if record:
        chosen |= {f"sha256.{kind}": digest for kind, digest in record.sha256.items()}
        chosen["dataset_fingerprint"] = record.dataset_fingerprint
    params = {key: value for key, value in details.params.items() if key not in _PLACES}
    return {**chosen, **params}
