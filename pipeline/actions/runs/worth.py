"""Whether tuning was worth it: a run with a trial's values beside the run that was tuned."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.actions.runs.compare import by_class
from pipeline.actions.runs.details import test_of
from pipeline.actions.runs.find import record_of
from pipeline.actions.runs.lineage import origin_trial, recorded_beside, runs_of_trials
from pipeline.actions.runs.seeds import mean_and_std, seed_key
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.schema import LIST_METRIC, TEST_METRICS


@dataclass(frozen=True)
class Measured:
    """What the test step says of a run, or of runs that differ in nothing but their seed.

    Parameters
    ----------
    runs
        Those that are tested on this split, the run itself first.
    split
        Where; empty when the run is not tested yet.
    metrics, classes
        Mean and standard deviation over the runs, of each metric and of each class's mAP50-95.
    """

    runs: tuple[str, ...]
    split: str
    metrics: Mapping[str, tuple[float, float]]
    classes: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Worth:
    """A tuned run and its baseline on the test split.

    Parameters
    ----------
    trial
        The trial of the baseline's tuning whose values the tuned run has.
    baseline, tuned
        What both reach.
    is_same_data
        Whether both were tested on the same split of the same data, as far as is recorded.
    """

    trial: str
    baseline: Measured
    tuned: Measured
    is_same_data: bool

    @property
    def is_measured(self) -> bool:
        """Whether both runs are tested."""
        return bool(self.baseline.split and self.tuned.split)

    def difference(self, metric: str = LIST_METRIC) -> float | None:
        """Give what tuning has brought; None when one of both lacks the metric."""
        before, after = self.baseline.metrics.get(metric), self.tuned.metrics.get(metric)
        return None if before is None or after is None else after[0] - before[0]

    def spread(self, metric: str = LIST_METRIC) -> float | None:
        """Give the standard deviation of the difference by seeds; None while each has one seed."""
        if max(len(self.baseline.runs), len(self.tuned.runs)) < 2 or not self.is_measured:
            return None
        sides = (self.baseline, self.tuned)
        return math.hypot(*(side.metrics.get(metric, (0.0, 0.0))[1] for side in sides))


def worth_of(folder: RunFolder) -> list[Worth]:
    """Give what tuning was worth for a run: one that was tuned, or one with a trial's values.

    Runs that repeat either with another seed count with it.
    """
    record = record_of(folder)
    if record is None:
        return []
    launch, trial = origin_trial(record)
    if trial:
        return [_worth(RunFolder(folder.path.parent / launch), folder, trial)]
    pairs = runs_of_trials(folder).items() if folder.tune.is_file() else ()
    return [_worth(folder, RunFolder(folder.path.parent / run), name) for run, name in pairs]


def as_dict(worth: Worth) -> dict[str, Any]:
    """Give what the command line prints."""
    return {
        "trial": worth.trial,
        "baseline": list(worth.baseline.runs),
        "tuned": list(worth.tuned.runs),
        "split": worth.tuned.split,
        "is_same_data": worth.is_same_data,
        "metrics": {
            name: {
                "baseline": worth.baseline.metrics.get(name, (None,))[0],
                "tuned": worth.tuned.metrics.get(name, (None,))[0],
                "difference": worth.difference(name),
                "spread": worth.spread(name),
            }
            for name in dict.fromkeys((*worth.baseline.metrics, *worth.tuned.metrics))
        },
    }


def _worth(baseline: RunFolder, tuned: RunFolder, trial: str) -> Worth:
    before, after = _measured(baseline), _measured(tuned)
    is_same_data = _data(record_of(baseline)) == _data(record_of(tuned))
    return Worth(trial, before, after, is_same_data and before.split == after.split)


def _measured(folder: RunFolder) -> Measured:
    own = test_of(folder)
    if not own:
        return Measured((folder.name,), "", {}, {})
    split = str(own["split"])
    tests = {folder.name: own}
    for other in _with_other_seeds(folder):
        test = test_of(other)
        if test and test["split"] == split:
            tests[other.name] = test
    documents = [{"test": test} for test in tests.values()]
    return Measured(
        tuple(tests),
        split,
        _summed([*tests.values()], TEST_METRICS, lambda test: test),
        _summed(documents, own.get("classes", {}), lambda run: by_class(run, LIST_METRIC)),
    )


def _summed(
    documents: Sequence[Mapping[str, Any]],
    names: Sequence[str] | Mapping[str, Any],
    values_of: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> dict[str, tuple[float, float]]:
    tables = [values_of(document) for document in documents]
    columns = {
        name: [table[name] for table in tables if table.get(name) is not None] for name in names
    }
    return {name: mean_and_std(values) for name, values in columns.items() if values}


def _with_other_seeds(folder: RunFolder) -> list[RunFolder]:
    """Give the runs that repeat this one; the few of the same model and data are looked into."""
    record, key = record_of(folder), seed_key(folder)
    if record is None or not key:
        return []
    return [
        other
        for other, made in recorded_beside(folder)
        if other.name != folder.name
        and (made.model_path, _data(made)) == (record.model_path, _data(record))
        and seed_key(other) == key
    ]


def _data(record: Launch | None) -> tuple[str, str]:
    """Give what says which data a run was tested on."""
    return (record.sha256.get("data", ""), record.dataset_fingerprint) if record else ("", "")
