"""What takes the volume's room, and how much of it deleting a run would free."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.actions.installation import Installation
from pipeline.core.errors import SlipwayError
from pipeline.core.volume.run_folder import RunFolder, list_run_folders
from pipeline.core.volume.run_note import load_note


@dataclass(frozen=True)
class RunUse:
    """The room that one run takes.

    Parameters
    ----------
    launch
        Name of its folder.
    bytes
        What deleting it frees.
    weight_bytes
        How much of that is weights.
    trial_bytes
        How much of that is weights of a search's trials.
    is_archived
        Whether somebody put the run aside.
    """

    launch: str
    bytes: int
    weight_bytes: int
    trial_bytes: int = 0
    is_archived: bool = False


@dataclass(frozen=True)
class VolumeUse:
    """The room on the disk of the volume.

    Parameters
    ----------
    total_bytes, free_bytes
        Of the disk, which others may fill, too.
    runs
        Largest first.
    """

    total_bytes: int
    free_bytes: int
    runs: tuple[RunUse, ...]


def volume_use(here: Installation) -> VolumeUse:
    """Measure every run's folder; a file that goes away meanwhile does not count."""
    disk = shutil.disk_usage(here.settings.volume)
    folders = list_run_folders(here.volume)
    runs = [_run_use(folder.path) for folder in folders]
    runs.sort(key=lambda run: run.bytes, reverse=True)
    return VolumeUse(disk.total, disk.free, tuple(runs))


def bytes_of(path: Path) -> int:
    """Give the bytes that deleting a file, or a folder and all in it, frees."""
    if not path.is_dir():
        return os.lstat(path).st_size if path.exists() else 0
    return _run_use(path).bytes


def is_archived(folder: Path) -> bool:
    """Say whether somebody put a run aside."""
    try:
        return load_note(RunFolder(folder)).is_archived
    except SlipwayError:  # the list of runs says so
        return False


def _run_use(folder: Path) -> RunUse:
    total = weights = trials = 0
    of_trials = str(RunFolder(folder).trial_folders)
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                count = os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue  # a step that runs replaces its files
            total += count
            if name.endswith(".pt"):
                weights += count
                trials += count if place.startswith(of_trials) else 0
    return RunUse(folder.name, total, weights, trials, is_archived(folder))
