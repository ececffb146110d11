"""Where a run comes from: its original, its model's run, and the files that it used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pipeline.actions.installation import Installation
from pipeline.actions.runs.find import record_of
from pipeline.core.dataset.fingerprint import is_comparable
from pipeline.core.errors import NotFound, SlipwayError
from pipeline.core.files import sha256_file
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.paths import Kind, Volume
from pipeline.core.volume.run_folder import RUNS, RunFolder

Now = Literal["same", "changed", "gone", ""]
_KINDS: tuple[Kind, ...] = ("model", "cfg", "data", "tune")


@dataclass(frozen=True)
class UsedFile:
    """One file that a launch named.

    Parameters
    ----------
    kind, name
        What it is, and how the launch names it.
    sha256
        Its digest at launch.
    now
        Whether the file on the volume still has those bytes; empty for weights, which take long
        to read.
    """

    kind: str
    name: str
    sha256: str
    now: Now


@dataclass(frozen=True)
class Lineage:
    """Where a run comes from.

    Parameters
    ----------
    record
        What was asked for.
    model_run
        The run that trained the weights it started from; else empty.
    files
        The files that it used.
    dataset_now
        Whether split lists and labels are what they were; empty when they were not recorded.
    of_its_trials
        Runs that were launched with the values of one of its trials, and which trial.
    """

    record: Launch
    model_run: str
    files: tuple[UsedFile, ...]
    dataset_now: Now = ""
    of_its_trials: Mapping[str, str] = field(default_factory=dict)


def lineage(here: Installation, folder: RunFolder) -> Lineage | None:
    """Give where a run comes from; None when its launch is not recorded.

    The dataset is read for it, which takes a while the first time.
    """
    record = record_of(folder)
    if record is None:
        return None
    parts = Path(record.model_path).parts
    model_run = parts[1] if len(parts) > 1 and parts[0] == RUNS else ""
    files = tuple(_used(here.volume, record, kind) for kind in _KINDS if kind in record.sha256)
    dataset_now, of_its_trials = _dataset_now(here, record), runs_of_trials(folder)
    return Lineage(record, model_run, files, dataset_now, of_its_trials)


def runs_of_trials(folder: RunFolder) -> dict[str, str]:
    """Give the runs with the values of one of a run's trials, newest first, and which trial."""
    origins = {other.name: origin_trial(record) for other, record in recorded_beside(folder)}
    return {
        run: trial for run, (launch, trial) in origins.items() if trial and launch == folder.name
    }


def origin_trial(record: Launch) -> tuple[str, str]:
    """Give the launch and its trial whose values a launch has; both empty when it has no such."""
    launch, _, trial = record.from_trial.rpartition("/")
    return launch, trial


def recorded_beside(folder: RunFolder) -> list[tuple[RunFolder, Launch]]:
    """Give the runs on the volume of a run, newest first, with what was asked for.

    Records are read once a process, as they are never edited.
    """
    paths = (path for path in folder.path.parent.iterdir() if path.name[0] != ".")
    found = [(RunFolder(path), _kept(path)) for path in sorted(paths, reverse=True)]
    return [(other, record) for other, record in found if record]


def same_dataset(record: Launch, fingerprint: str) -> Now:
    """Say whether a dataset is what a launch recorded; empty when that cannot be told."""
    if not is_comparable(record.dataset_fingerprint):
        return ""
    return "same" if fingerprint == record.dataset_fingerprint else "changed"


def _kept(path: Path) -> Launch | None:
    return _read(path) if RunFolder(path).launch.is_file() else None


@lru_cache(maxsize=100_000)
def _read(path: Path) -> Launch | None:
    return record_of(RunFolder(path))


def _used(volume: Volume, record: Launch, kind: Kind) -> UsedFile:
    choices = record.choices
    named = {"model": choices.model, "cfg": choices.cfg, "data": choices.data}
    name = named.get(kind, choices.tune_space)
    digest = record.sha256[kind]
    return UsedFile(kind, name, digest, _now(volume, record, kind, name, digest))


def _dataset_now(here: Installation, record: Launch) -> Now:
    if not record.dataset_fingerprint:
        return ""
    from pipeline.core.dataset.read import inspect_dataset  # polars takes a while to import

    try:
        data = here.volume.resolve("data", record.choices.data).path
    except SlipwayError:
        return "gone"
    report = inspect_dataset(here.volume, data, index_folder=here.settings.dataset_index)
    return same_dataset(record, report.fingerprint)


def _now(volume: Volume, record: Launch, kind: Kind, name: str, digest: str) -> Now:
    try:
        relative = record.model_path if kind == "model" else volume.resolve(kind, name).path
    except NotFound:
        return "gone"
    path = volume.path(relative)
    if not path.is_file():
        return "gone"
    if path.suffix == ".pt":
        return ""
    return "same" if sha256_file(path) == digest else "changed"
