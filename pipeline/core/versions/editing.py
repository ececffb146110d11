"""Changing yaml files of the volume: no save is lost, none overwrites what somebody else wrote."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.clock import utc_at
from pipeline.core.errors import FileChanged, FileMissing, InputError
from pipeline.core.files import MAX_TEXT_BYTES, decode, read_bytes, write_atomic
from pipeline.core.said import said
from pipeline.core.versions.files import HISTORY, check_name, normal
from pipeline.core.versions.history import (
    MAX_MESSAGE_LETTERS,
    Action,
    Version,
    add_version,
    content_of,
    find_version,
    list_versions,
    locked,
    take_back,
)
from pipeline.core.volume.paths import Volume


def open_text(volume: Volume, path: str) -> tuple[str, str]:
    """Give a file's text for an editor, and the SHA-256 that `save_text` wants back.

    Raises
    ------
    UnsafePath, FileMissing, InputError
        See `pipeline.core.files.read_text`.
    """
    check_name(volume, path)
    data = read_bytes(volume.path(path), shown_as=path)
    return decode(data, path), hashlib.sha256(data).hexdigest()


def save_text(
    volume: Volume,
    path: str,
    text: str,
    *,
    expected_sha256: str,
    user: str = "",
    message: str = "",
) -> Version:
    """Save a yaml file of the volume as a new version, unless somebody else changed it meanwhile.

    Parameters
    ----------
    path
        Relative to the volume, ``.yaml`` or ``.yml``, not under ``runs/``.
    expected_sha256
        Of the file as it was opened (see `open_text`); empty makes a new file.
    user, message
        Who saves it, and why.

    Raises
    ------
    UnsafePath
        The name leaves the volume, or is none that may be edited.
    FileChanged
        The file is not the one that was opened; nothing is written.
    InputError
        The text or the message is too long, or the folder cannot be written.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError as reason:  # half a surrogate pair, pasted from a broken page
        line = text[: reason.start].count("\n") + 1
        where = f"{path}:{line}"
        raise InputError(said("the text has a letter that is none."), where=where) from reason
    return _change(volume, path, data, "saved", expected_sha256, user, message)


def restore(
    volume: Volume, path: str, number: int, *, expected_sha256: str, user: str = ""
) -> Version:
    """Save a version's bytes again, as a new version; a deleted file comes back.

    Raises
    ------
    FileMissing
        There is no such version.
    UnsafePath, FileChanged, InputError
        See `save_text`; the version of a deletion has nothing to restore.
    """
    version = find_version(volume, path, number)
    if version.action == "deleted":
        raise InputError(
            said("version {number} of {path} is its deletion.", number=number, path=path),
            where=path,
            next=said("Restore the version before it."),
        )
    data = content_of(volume, path, version)
    message = f"version {number}"
    return _change(volume, path, data, "restored", expected_sha256, user, message)


def duplicate(volume: Volume, path: str, copy: str, *, user: str = "") -> Version:
    """Save a file under a second name that is free; see `save_text`."""
    text, _ = open_text(volume, path)
    return save_text(volume, copy, text, expected_sha256="", user=user, message=f"copy of {path}")


def delete(volume: Volume, path: str, *, expected_sha256: str, user: str = "") -> Version:
    """Delete a file; its versions stay, and `restore` brings it back.

    Raises
    ------
    FileMissing
        There is no such file.
    UnsafePath, FileChanged, InputError
        See `save_text`; a link is not followed and not deleted.
    """
    check_name(volume, path)
    if volume.path(path).is_symlink():
        raise InputError(
            said("{path} is a link to {target}.", path=path, target=normal(volume, path)),
            where=path,
            next=said("Delete that file."),
        )
    if not digest_now(volume, path):
        raise FileMissing(said("{path} does not exist.", path=path), where=path)
    return _change(volume, path, None, "deleted", expected_sha256, user, "")


def digest_now(volume: Volume, path: str) -> str:
    """Give the SHA-256 of a file as it is now; empty when there is none."""
    check_name(volume, path)
    data = _bytes_now(volume, path)
    return "" if data is None else hashlib.sha256(data).hexdigest()


def why_read_only(volume: Volume, path: str) -> str:
    """Say why a file cannot be saved on this volume; empty when it can."""
    check_name(volume, path)
    history = volume.path(HISTORY)
    for folder in (volume.path(path).resolve().parent, history if history.exists() else None):
        if folder and folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            return f"{volume.relative(folder)}/ cannot be written by this dashboard."
    return ""


def _change(
    volume: Volume,
    path: str,
    data: bytes | None,
    action: Action,
    expected_sha256: str,
    user: str,
    message: str,
) -> Version:
    """Write a file (None deletes it) and its version, both or neither."""
    check_name(volume, path)
    message = " ".join(message.split())
    if len(data or b"") > MAX_TEXT_BYTES:
        raise InputError(
            said("{path} would have {count:,} bytes.", path=path, count=len(data or b"")),
            next=said("Shorten it."),
        )
    if len(message) > MAX_MESSAGE_LETTERS:
        raise InputError(
            said("the message has {count} letters.", count=len(message)),
            next=said("Write at most {most}.", most=MAX_MESSAGE_LETTERS),
        )
    with _os_errors_named(path), locked(volume):
        _check_unchanged(volume, path, expected_sha256)
        _keep_what_was_there(volume, path)
        version = add_version(volume, path, data, action=action, user=user, message=message)
        try:
            # through a link, which a rename or an unlink would replace
            _write(volume.path(path).resolve(), data)
        except OSError:
            take_back(volume, path, version)
            raise
    return version


@contextmanager
def _os_errors_named(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as reason:
        raise InputError(
            said("{path} cannot be written: {reason}.", path=path, reason=reason.strerror),
            where=path,
            next=said("Check the volume's permissions and space."),
        ) from reason


def _check_unchanged(volume: Volume, path: str, expected_sha256: str) -> None:
    if digest_now(volume, path) == expected_sha256:
        return
    if not expected_sha256:
        raise FileChanged(
            said("{path} exists already.", path=path), where=path, next=said("Choose another name.")
        )
    raise FileChanged(
        said("{path} was changed by somebody else.", path=path),
        where=path,
        next=said("Open it again and repeat your change."),
    )


def _keep_what_was_there(volume: Volume, path: str) -> None:
    """Add the version that was made outside Slipway: a notebook's, or the very first."""
    data = _bytes_now(volume, path)
    if data is None:
        return
    versions = list_versions(volume, path)
    if versions and versions[0].sha256 == hashlib.sha256(data).hexdigest():
        return
    at = utc_at(volume.path(path).stat().st_mtime)
    add_version(volume, path, data, action="found", at=at)


def _bytes_now(volume: Volume, path: str) -> bytes | None:
    try:
        return read_bytes(volume.path(path), shown_as=path)
    except FileMissing:
        return None


def _write(target: Path, data: bytes | None) -> None:
    if data is None:
        target.unlink()
    else:
        write_atomic(target, data)
