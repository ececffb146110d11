"""What takes the volume's room, and how much of it deleting a run would free."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.actions.installation import Installation
from pipeline.core.volume.run_folder import RunFolder


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
    """Measure every run's folder, those of runs that are over once."""
    disk = shutil.disk_usage(here.settings.volume)
    folders = here.folders.all()
    measured = here.folders.kept("use", [folder.name for folder in folders], _measure)
    runs = []
    for folder in folders:
        total, weights, trials = measured[folder.name]
        runs.append(RunUse(folder.name, total, weights, trials, folder.note.is_archived))
    runs.sort(key=lambda run: run.bytes, reverse=True)
    return VolumeUse(disk.total, disk.free, tuple(runs))


def bytes_of(path: Path) -> int:
    """Give the bytes that deleting a file, or a folder and all in it, frees."""
    if not path.is_dir():
        return os.lstat(path).st_size if path.exists() else 0
    return _measure(RunFolder(path))[0]


def _measure(folder: RunFolder) -> tuple[int, int, int]:
    """Give bytes in all, of weights, and of trials' weights; what goes meanwhile does not count."""
    total = weights = trials = 0
    of_trials = str(folder.trial_folders)
    for place, _, names in os.walk(folder.path):
        for name in names:
            try:
                count = os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue  # a step that runs replaces its files
            total += count
            if name.endswith(".pt"):
                weights += count
                trials += count if place.startswith(of_trials) else 0
    return total, weights, trials
