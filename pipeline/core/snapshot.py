"""Whether what was read from folders is still what lies there, told without reading it again."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

# A file that changes twice within one tick of the file system's clock looks unchanged; network
# file systems tick by the second.
_SETTLED_NS = 2_000_000_000


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


@dataclass(frozen=True)
class Snapshot:
    """Names, sizes and times of files.

    A folder's own times tell what came, went or was renamed in it, but not that a file in it was
    written to: so every text file and link in it is asked, which is a tenth of reading them. The
    time of the inode's change counts too, as ``cp -p`` and rsync put the other one back.

    Parameters
    ----------
    folders
        Each with its text files and links.
    files
        Single files.
    digest
        Of all of it.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]
    digest: str

    @property
    def is_current(self) -> bool:
        """Whether nothing changed since."""
        return _look(self.folders, self.files)[0] == self.digest


def take_snapshot(folders: Iterable[str], files: Iterable[str], read_at_ns: int) -> Snapshot | None:
    """Remember what lies there; None when something changed since shortly before `read_at_ns`."""
    folders, files = tuple(sorted(folders)), tuple(sorted(files))
    digest, newest_ns = _look(folders, files)
    is_settled = newest_ns < min(read_at_ns, time.time_ns()) - _SETTLED_NS
    return Snapshot(folders, files, digest) if is_settled else None


def _look(folders: tuple[str, ...], files: tuple[str, ...]) -> tuple[str, int]:
    """Give the digest, and the time of the newest change."""
    digest, newest_ns = hashlib.blake2b(digest_size=16), 0
    for path in files:
        newest_ns = max(newest_ns, _add(digest, path, _status(path)))
    for folder in folders:
        newest_ns = max(newest_ns, _add(digest, folder, _status(folder)))
        for entry in _inside(folder):
            newest_ns = max(newest_ns, _add(digest, entry.name, _status(entry)))
    return digest.hexdigest(), newest_ns


def _inside(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            found = [
                entry for entry in entries if entry.name.endswith(".txt") or entry.is_symlink()
            ]
    except OSError:  # its own status, which is in the digest, says so
        return
    yield from sorted(found, key=lambda entry: entry.name)


def _status(file: str | os.DirEntry[str]) -> os.stat_result | None:
    try:
        return os.stat(file) if isinstance(file, str) else file.stat()
    except OSError:
        return None


def _add(digest: _Digest, name: str, status: os.stat_result | None) -> int:
    if status is None:
        digest.update(os.fsencode(f"{name}\0-\0"))
        return 0
    identity = f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
    digest.update(os.fsencode(f"{name}\0{identity}\0"))
    return max(status.st_mtime_ns, status.st_ctime_ns)
