"""Where the versions of a file lie, and which files have some."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from pipeline.core.errors import FileMissing, UnsafePath
from pipeline.core.files import read_bytes
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RUNS

HISTORY = ".history"
_MAX_LOG_BYTES = 64 << 20


def check_name(volume: Volume, path: str) -> None:
    """Refuse names that are none of a yaml file of people.

    Raises
    ------
    UnsafePath
        The name leaves the volume, is no yaml, is a record of a run, or hidden.
    """
    inside = PurePosixPath(normal(volume, path))
    parts = {*PurePosixPath(path).parts, *inside.parts} - {".", ".."}
    if inside.suffix not in (".yaml", ".yml") or PurePosixPath(path).suffix not in (
        ".yaml",
        ".yml",
    ):
        raise UnsafePath(
            said("'{path}' is not a yaml file.", path=path),
            next=said("Choose a name that ends in .yaml."),
        )
    if any(part.startswith(".") for part in parts):
        raise UnsafePath(
            said("'{path}' is a hidden file.", path=path), next=said("Choose a name without a dot.")
        )
    if RUNS in (PurePosixPath(os.path.normpath(path)).parts[0], inside.parts[0]):
        raise UnsafePath(
            said("'{path}' is a record of a run.", path=path),
            next=said("Copy it and edit the copy."),
        )


def normal(volume: Volume, path: str) -> str:
    """Give the one name of a file, links followed, relative to the volume."""
    inside = os.path.relpath(os.path.realpath(volume.path(path)), os.path.realpath(volume.root))
    return Path(inside).as_posix()


def log_of(volume: Volume, path: str) -> Path:
    """Give the list of a file's versions, whether there is one or not.

    Raises
    ------
    UnsafePath
        See `check_name`.
    """
    check_name(volume, path)
    return volume.path(f"{HISTORY}/files/{normal(volume, path)}.jsonl")


def content_file(volume: Volume, digest: str) -> Path:
    """Give the file with the bytes of this SHA-256."""
    return volume.path(f"{HISTORY}/content/{digest}")


def read_lines(log: Path) -> bytes:
    """Read the list of a file's versions; empty when there is none."""
    try:
        return read_bytes(log, limit_bytes=_MAX_LOG_BYTES)
    except FileMissing:
        return b""


def append_line(log: Path, data: bytes) -> None:
    """Add a line durably, or leave the file as it was."""
    with open(log, "ab") as file:
        size = file.tell()
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.truncate(log, size)
            raise
