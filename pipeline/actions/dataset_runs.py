"""Which runs used a dataset, and whether it is still what they used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.actions.lineage import Now, same_dataset
from pipeline.core.errors import SlipwayError
from pipeline.core.files import sha256_file
from pipeline.core.launch import Launch, load_launch
from pipeline.core.run_folder import list_run_folders
from pipeline.core.settings import Settings
from pipeline.core.volume import Volume


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
    """

    record: Launch
    run: str
    yaml_now: Now
    dataset_now: Now


def runs_of_dataset(settings: Settings, data: str, fingerprint: str) -> list[DatasetRun]:
    """List the runs that used a data yaml, newest first.

    Parameters
    ----------
    data
        The data yaml, relative to the volume.
    fingerprint
        The dataset's, as it is now.
    """
    volume = Volume(settings.volume, settings.data_roots)
    digest = sha256_file(volume.path(data))
    named: dict[str, str] = {}
    found = []
    for folder in list_run_folders(volume):
        record = _record(folder.launch)
        if record is None:
            continue
        name = record.choices.data
        if name not in named:
            named[name] = _path_of(volume, name)
        if named[name] == data:
            recorded = record.sha256.get("data", "")
            yaml_now: Now = "" if not recorded else "same" if recorded == digest else "changed"
            now = same_dataset(record, fingerprint)
            found.append(DatasetRun(record, folder.name, yaml_now, now))
    return sorted(found, key=lambda entry: entry.record.created_at, reverse=True)


def _path_of(volume: Volume, name: str) -> str:
    try:
        return volume.resolve("data", name).path
    except SlipwayError:
        return ""


def _record(path: Path) -> Launch | None:
    try:
        return _load(path, path.stat().st_mtime_ns)
    except (OSError, SlipwayError):  # started in the engine's own UI and not verified, or damaged
        return None


@lru_cache(maxsize=20_000)
def _load(path: Path, mtime_ns: int) -> Launch:
    return load_launch(path)
