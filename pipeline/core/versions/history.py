"""Every version of the files that people edit: who, when, why, and the bytes.

::

    <volume>/.history/
      lock                    held while a file is saved
      files/<path>.jsonl      one line a version, the oldest first; a version's number is its line
      content/<sha256>        what a version held, once however often it was saved

Lines are only ever added. A line that was torn by a power cut keeps its number and is passed over;
the bytes of a version are there before its line is.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Literal

from pipeline.core import files
from pipeline.core.cfg.merge import diff_text
from pipeline.core.clock import utc_now
from pipeline.core.errors import FileMissing, InputError
from pipeline.core.files import decode, make_folder, read_bytes, write_atomic
from pipeline.core.versions.files import (
    HISTORY,
    append_line,
    content_file,
    log_of,
    read_lines,
)
from pipeline.core.volume.paths import Volume

MAX_MESSAGE_LETTERS = 200

Action = Literal["found", "saved", "restored", "deleted"]


@dataclass(frozen=True)
class Version:
    """One version of a file.

    Parameters
    ----------
    number
        From 1, the oldest, without gaps unless a line was torn.
    at
        When, ISO 8601 in UTC.
    user, message
        Who, and why if they said so; a version that was found was not saved by Slipway.
    action
        ``found`` is what lay there before Slipway changed it, ``deleted`` has no bytes.
    sha256, bytes
        Of the content.
    """

    number: int
    at: str
    user: str
    action: Action
    message: str
    sha256: str
    bytes: int


def list_versions(volume: Volume, path: str) -> list[Version]:
    """List a file's versions, newest first; a file that nobody edited has none.

    Raises
    ------
    UnsafePath
        See `pipeline.core.versions.files.check_name`.
    InputError
        The list cannot be read.
    """
    lines = enumerate(read_lines(log_of(volume, path)).split(b"\n"), start=1)
    return [version for number, line in lines if (version := _read(number, line))][::-1]


def find_version(volume: Volume, path: str, number: int) -> Version:
    """Give one version.

    Raises
    ------
    FileMissing
        The file has no such version; the message says which there are.
    """
    versions = list_versions(volume, path)
    for version in versions:
        if version.number == number:
            return version
    there = f"1 to {versions[0].number}" if versions else "none"
    raise FileMissing(
        f"{path} has no version {number}; there are {there}.",
        where=path,
        next=f"See 'slipway history {path}'.",
    )


def read_version(volume: Volume, path: str, number: int) -> str:
    """Give a version's text; that of a deletion is empty.

    Raises
    ------
    FileMissing
        The file has no such version.
    InputError
        Its bytes are gone or damaged, or are no text.
    """
    version = find_version(volume, path, number)
    return decode(content_of(volume, path, version), f"{path} version {number}")


def content_of(volume: Volume, path: str, version: Version) -> bytes:
    """Give a version's bytes, checked against its digest; see `read_version`."""
    if version.action == "deleted":
        return b""
    name = f"version {version.number} of {path}"
    try:
        data = read_bytes(content_file(volume, version.sha256), shown_as=name)
    except FileMissing as reason:
        raise InputError(
            f"the bytes of {name} are gone.", where=f"{HISTORY}/content/{version.sha256}"
        ) from reason
    if hashlib.sha256(data).hexdigest() != version.sha256:
        raise InputError(f"{name} is damaged.", where=f"{HISTORY}/content/{version.sha256}")
    return data


def diff_versions(volume: Volume, path: str, one: int, other: int | None = None) -> str:
    """Give the unified diff from a version to another one, or to the file as it is now.

    A file that is not there counts as empty.

    Raises
    ------
    FileMissing, InputError
        See `read_version`.
    """
    before = read_version(volume, path, one)
    if other is not None:
        after, name = read_version(volume, path, other), f"{path} version {other}"
    else:
        after, name = _now(volume, path), f"{path} now"
    return diff_text(before, after, f"{path} version {one}", name)


def deleted_files(volume: Volume) -> list[str]:
    """Give the files that were deleted and have not come back, sorted."""
    base = volume.path(f"{HISTORY}/files")
    logs = (file.relative_to(base).as_posix() for file in base.rglob("*.jsonl"))
    paths = (name.removesuffix(".jsonl") for name in logs)
    return sorted(path for path in paths if not os.path.lexists(volume.root / path))


def locked(volume: Volume) -> AbstractContextManager[None]:
    """Let one save at a time compare and rename; the lock goes with the process."""
    return files.locked(volume.path(f"{HISTORY}/lock"))


def add_version(
    volume: Volume,
    path: str,
    data: bytes | None,
    *,
    action: Action,
    user: str = "",
    message: str = "",
    at: str = "",
) -> Version:
    """Add a version, of None when the file is being deleted; call it while `locked`.

    Raises
    ------
    OSError
        It cannot be written; no version was added.
    """
    log = log_of(volume, path)
    digest = hashlib.sha256(data).hexdigest() if data is not None else ""
    if data is not None and not content_file(volume, digest).is_file():
        write_atomic(content_file(volume, digest), data)
    make_folder(log.parent)
    before = read_lines(log)
    gap = b"" if not before or before.endswith(b"\n") else b"\n"  # the line before was torn
    number = (before + gap).count(b"\n") + 1
    version = Version(number, at or utc_now(), user, action, message, digest, len(data or b""))
    entry = {key: value for key, value in asdict(version).items() if key != "number"}
    line = json.dumps(entry, ensure_ascii=False)
    append_line(log, gap + line.encode("utf-8", "replace") + b"\n")
    return version


def take_back(volume: Volume, path: str, version: Version) -> None:
    """Take a version back that was just added, as its file could not be written."""
    log = log_of(volume, path)
    lines = read_lines(log).split(b"\n")[: version.number - 1]
    os.truncate(log, sum(len(line) + 1 for line in lines))


def _read(number: int, line: bytes) -> Version | None:
    try:
        return Version(number=number, **json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None


def _now(volume: Volume, path: str) -> str:
    try:
        return decode(read_bytes(volume.path(path), shown_as=path), path)
    except FileMissing:
        return ""
