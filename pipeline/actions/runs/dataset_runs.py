"""Which runs used a dataset, and whether it is still what they used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pipeline.actions.installation import Installation
from pipeline.actions.runs.lineage import Now, same_dataset
from pipeline.actions.runs.values import Values
from pipeline.core.errors import SlipwayError
from pipeline.core.files import sha256_file
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.paths import Volume
from pipeline.tracking.schema import LIST_METRIC


@dataclass(frozen=True)
class DatasetRun:
    """A run that used a dataset.

    Parameters
    ----------
    record
        What was asked for.
    run
        Name of its folder, by which the run is found.
    yaml_now, dataset_now
        Whether the data yaml, and split lists and labels, are what they were; empty when that was
        not recorded.
    best_map
        Best mAP50-95 on val so far, as the list of runs has it; None when there is none.
    """

    record: Launch
    run: str
    yaml_now: Now
    dataset_now: Now
    best_map: float | None = None


def runs_of_dataset(here: Installation, data: str, fingerprint: str) -> list[DatasetRun]:
    """List the runs that used a data yaml, newest first.

    Parameters
    ----------
    data
        The data yaml, relative to the volume.
    fingerprint
        The dataset's, as it is now.
    """
    volume = here.volume
    digest = sha256_file(volume.path(data))
    named: dict[str, str] = {}
    found = []
    for entry in here.folders.all():
        record = entry.launch
        if record is None:
            continue
        name = record.choices.data
        if name not in named:
            named[name] = _path_of(volume, name)
        if named[name] == data:
            recorded = record.sha256.get("data", "")
            yaml_now: Now = "" if not recorded else "same" if recorded == digest else "changed"
            now = same_dataset(record, fingerprint)
            found.append(DatasetRun(record, entry.name, yaml_now, now))
    return sorted(_measured(here, found), key=lambda one: one.record.created_at, reverse=True)


def best_run(runs: Iterable[DatasetRun]) -> DatasetRun | None:
    """Give the best of the runs that used the dataset as it is now; None if all are blank."""
    measured = [
        (entry.best_map, entry) for entry in runs if entry.best_map and entry.dataset_now == "same"
    ]
    return max(measured, key=lambda pair: pair[0])[1] if measured else None


def _measured(here: Installation, runs: list[DatasetRun]) -> list[DatasetRun]:
    values = Values(here, [entry.run for entry in runs])
    return [replace(entry, best_map=values.best(entry.run, LIST_METRIC)) for entry in runs]


def _path_of(volume: Volume, name: str) -> str:
    try:
        return volume.resolve("data", name).path
    except SlipwayError:
        return ""
