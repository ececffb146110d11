"""Whether what was read from folders is still what lies there, told without reading it again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from pipeline.core.dataset.slow_volume import over_files

# A file that changes twice within one tick of the file system's clock looks unchanged; network
# file systems tick by the second.
_SETTLED_NS = 2_000_000_000
_UNSETTLED, _ABSENT = 0, 1


@dataclass(frozen=True)
class FolderState:
    """What a folder's files were when they were read.

    A folder's own times tell what came, went or was renamed in it, but not that a file in it was
    written to: so every text file and link in it is asked, which is a fraction of reading them.

    Parameters
    ----------
    own
        Stamp of the folder itself.
    names
        Its text files and links.
    stamps
        Of each; int64.
    """

    own: int
    names: Sequence[str]
    stamps: NDArray[np.int64]


@dataclass(frozen=True)
class Snapshot:
    """Stamps of folders and files.

    A stamp stands for inode, size and both times; the time of the inode's change counts too, as
    ``cp -p`` and rsync put the other one back. What changed shortly before it was read, or since,
    has a stamp that nothing is equal to.

    Parameters
    ----------
    folders
        By path.
    files
        Stamps of single files by path.
    """

    folders: Mapping[str, FolderState]
    files: Mapping[str, int]

    def is_current(self, seen: dict[str, FolderState] | None = None) -> bool:
        """Say whether nothing changed since.

        Parameters
        ----------
        seen
            Takes what the folders are now, as far as they were looked at, by path: whoever reads
            what changed need not look again.
        """
        seen = {} if seen is None else seen
        return all(_is_same(stamp, path) for path, stamp in self.files.items()) and all(
            _is_same(state.own, path) and _is_unchanged(path, state, seen)
            for path, state in self.folders.items()
        )


def state_of(
    folder: str,
    names: Sequence[str],
    read_at_ns: int,
    seen: Mapping[str, int] = MappingProxyType({}),
) -> FolderState:
    """Stamp a folder and those of its files.

    Parameters
    ----------
    names
        Its text files and links.
    read_at_ns
        When the first of what is stamped was read, or earlier.
    seen
        Stamps from before the files were read, by name; these are not looked at again.
    """
    own = stamp_of(folder, read_at_ns)
    if not seen:
        return FolderState(own, names, _stamps(folder, names, read_at_ns))
    others = [name for name in names if name not in seen]
    stamps = {**seen, **dict(zip(others, _stamps(folder, others, read_at_ns), strict=True))}
    return FolderState(own, names, np.array([stamps[name] for name in names], np.int64))


def stamp_of(path: str, read_at_ns: int) -> int:
    """Stamp one file or folder; see `state_of`."""
    try:
        return stamper(read_at_ns)(os.stat(path))
    except OSError:
        return _ABSENT


def stamper(read_at_ns: int) -> Callable[[os.stat_result], int]:
    """Give what makes a stamp of a file's status; see `state_of`."""
    latest_ns = min(read_at_ns, time.time_ns()) - _SETTLED_NS

    def stamp(status: os.stat_result) -> int:
        written_ns, changed_ns = status.st_mtime_ns, status.st_ctime_ns
        if written_ns > latest_ns or changed_ns > latest_ns:
            return _UNSETTLED
        return hash((status.st_ino, status.st_size, written_ns, changed_ns)) | 2

    return stamp


def _is_same(stamp: int, path: str) -> bool:
    return stamp != _UNSETTLED and stamp == stamp_of(path, time.time_ns())


def _is_unchanged(path: str, state: FolderState, seen: dict[str, FolderState]) -> bool:
    now = _stamps(path, state.names, time.time_ns())
    seen[path] = FolderState(state.own, state.names, now)
    return bool(state.stamps.all()) and np.array_equal(now, state.stamps)


def _stamps(folder: str, names: Sequence[str], read_at_ns: int) -> NDArray[np.int64]:
    """Give the stamps of a folder's files."""
    try:
        # By names in an open folder: whole paths take twice as long.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return np.full(len(names), _ABSENT, np.int64)
    stamp = stamper(read_at_ns)

    def look(some: Sequence[str]) -> list[int]:
        stamps = []
        for name in some:
            try:
                stamps.append(stamp(os.stat(name, dir_fd=descriptor)))
            except OSError:
                stamps.append(_ABSENT)
        return stamps

    try:
        return np.array(over_files(names, look), np.int64)
    finally:
        os.close(descriptor)
