"""Reading and writing files so that nothing is half written and nothing odd is opened."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core.errors import FileMissing, InputError, UnsafePath
from pipeline.core.said import said

MAX_TEXT_BYTES = 4 << 20


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each as open to others as the folder that it is made in.

    The dashboard and a pod's steps share a volume and need not be the same user: where everybody
    may write at its root, everybody may write in what is made there.

    Raises
    ------
    OSError
        The folder cannot be made.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir()
    except FileExistsError:
        if path.is_dir():
            return
        raise
    mode = stat.S_IMODE(path.parent.stat().st_mode) & ~stat.S_ISVTX
    path.chmod(mode | stat.S_IRWXU)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one at a time do a block, of all threads and processes; the lock goes with the process.

    Each entry opens the file anew, so the lock also holds between threads.
    """
    make_folder(path.parent)
    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_atomic(path: Path, content: bytes | str) -> None:
    """Replace a file as a whole: temporary file in the same folder, fsync, rename.

    Parameters
    ----------
    path
        The file; its folder is made when it does not exist.
    content
        Text is written as UTF-8.

    Raises
    ------
    OSError
        The folder cannot be written; the old file is untouched and no temporary file stays.
    """
    data = content.encode() if isinstance(content, str) else content
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document atomically, readable by people."""
    write_atomic(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, default: Any) -> Any:
    """Read a JSON document of ours; the default where there is none yet."""
    return json.loads(read_text(path)) if path.is_file() else default


def read_bytes(path: Path, *, shown_as: str = "", limit_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """Read a regular file; devices, FIFOs and folders are refused before they are opened.

    Raises
    ------
    FileMissing
        There is no such file.
    UnsafePath
        It is not a regular file.
    InputError
        It cannot be read, or is larger than `limit_bytes`.
    """
    name = shown_as or str(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnsafePath(
                said("{name} is not a plain file.", name=name),
                where=name,
                next=said("Choose a regular file."),
            )
        if status.st_size > limit_bytes:
            raise InputError(
                said(
                    "{name} has {size:,} bytes; at most {most:,} are read.",
                    name=name,
                    size=status.st_size,
                    most=limit_bytes,
                ),
                where=name,
                next=said("Check that this is the right file."),
            )
        return path.read_bytes()
    except FileNotFoundError as reason:
        raise FileMissing(said("{name} does not exist.", name=name), where=name) from reason
    except OSError as reason:
        raise InputError(
            said("{name} cannot be read: {reason}.", name=name, reason=reason.strerror),
            where=name,
        ) from reason


def read_text(path: Path, *, shown_as: str = "") -> str:
    """Read a UTF-8 text file of at most 4 MiB, without its byte order mark.

    Raises
    ------
    InputError
        Not UTF-8, too large or not readable; see `read_bytes` for the others.
    """
    return decode(read_bytes(path, shown_as=shown_as), shown_as or str(path))


def decode(data: bytes, name: str) -> str:
    """Turn bytes into text, naming the line of the first byte that is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        line = data[: reason.start].count(b"\n") + 1
        raise InputError(
            said("byte 0x{value:02x} is not UTF-8.", value=data[reason.start]),
            where=f"{name}:{line}",
            next=said("Save the file as UTF-8."),
        ) from reason


def sha256_file(path: Path) -> str:
    """Give the SHA-256 of a file's content as 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
