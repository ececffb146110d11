"""What `path` and the splits of a data yaml may name: folders and lists on the volume."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from pipeline.core.volume.paths import FOLDERS, PRESETS, SWEEPS, Volume
from pipeline.core.volume.run_folder import RUNS

_MAX_ENTRIES = 2_000  # of one folder: one with images has too many to look at each
_MAX_FOUND = 500
_SKIPPED = {RUNS, PRESETS, SWEEPS, *FOLDERS.values()}


def dataset_roots(volume: Volume) -> list[str]:
    """Give folders that a dataset may have as its `path`, relative to the volume."""
    found = _folders(volume.root, depth=3, skipped=_SKIPPED)
    names = [path.relative_to(volume.root).as_posix() for path in found]
    return [name for name in names if Path(name).name not in ("images", "labels")][:_MAX_FOUND]


def split_places(volume: Volume, path: str) -> list[str]:
    """Give folders and txt lists below a dataset's `path`, relative to it, for its splits.

    Raises
    ------
    UnsafePath
        The path leaves the volume.
    """
    root = volume.path(path or ".")
    if not root.is_dir():
        return []
    folders = [entry.relative_to(root).as_posix() for entry in _folders(root, depth=2)]
    images = [name for name in folders if "labels" not in Path(name).parts]
    lists = sorted(entry.name for entry in _entries(root) if entry.name.endswith(".txt"))
    return [*images, *lists][:_MAX_FOUND]


def _folders(folder: Path, depth: int, skipped: Collection[str] = ()) -> Iterator[Path]:
    for entry in sorted(_entries(folder), key=lambda entry: entry.name):
        is_plain = entry.is_dir() and not entry.name.startswith(".") and entry.name not in skipped
        if is_plain and not entry.is_symlink():
            yield Path(entry.path)
            if depth > 1:
                yield from _folders(Path(entry.path), depth - 1)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry, _ in zip(entries, range(_MAX_ENTRIES), strict=False)]
    except OSError:  # a folder that may not be read has nothing to offer
        return []
