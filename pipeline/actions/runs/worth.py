"""Whether tuning was worth it: a run with a trial's values beside the run that was tuned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.actions.runs.details import tested_of
from pipeline.actions.runs.find import record_of
from pipeline.actions.runs.lineage import origin_trial, recorded_beside, runs_of_trials
from pipeline.actions.runs.same_data import SameData, same_data
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


def _worth(baseline: RunFolder, tuned: RunFolder, trial: str) -> Worth:
    before, after = _measured(baseline), _measured(tuned)
    is_same_data = _data(record_of(baseline)) == _data(record_of(tuned))
    is_same_data &= same_data([baseline, tuned]) is not SameData.SIZES
    return Worth(trial, before, after, is_same_data and before.split == after.split)


def _measured(folder: RunFolder) -> Measured:
    own = tested_of(folder)
    if not own.split:
        return Measured((folder.name,), "", {}, {})
    others = {other.name: tested_of(other) for other in _with_other_seeds(folder)}
    same = {name: test for name, test in others.items() if test.split == own.split}
    tests = {folder.name: own, **same}
    return Measured(
        tuple(tests),
        own.split,
        _summed(TEST_METRICS, [test.metrics for test in tests.values()]),
        _summed(own.classes, [test.by_class(LIST_METRIC) for test in tests.values()]),
    )


def _summed(
    names: Iterable[str], tables: Sequence[Mapping[str, float | None]]
) -> dict[str, tuple[float, float]]:
    columns = {name: [table.get(name) for table in tables] for name in names}
    known = {name: [v for v in values if v is not None] for name, values in columns.items()}
    return {name: mean_and_std(values) for name, values in known.items() if values}


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
