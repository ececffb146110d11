"""Files that people bring from their own machine: which folder they go to, and what is refused."""

from __future__ import annotations

import io
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pipeline.core.checks.file import kind_of_text
from pipeline.core.errors import FileChanged, InputError, UnsafePath
from pipeline.core.files import MAX_TEXT_BYTES, decode, make_folder
from pipeline.core.said import said
from pipeline.core.versions.editing import save_text
from pipeline.core.versions.templates import folder_for
from pipeline.core.volume.paths import FOLDERS, Volume
from pipeline.core.weights.check import require_sound
from pipeline.core.yamltext.file import parse_yaml

MAX_WEIGHTS_MB = 200
SUFFIXES = (".yaml", ".yml", ".txt", ".pt")


def keep_upload(
    volume: Volume,
    name: str,
    data: bytes,
    *,
    user: str = "",
    weights_allow: Collection[str] = (),
) -> str:
    """Put a file into the folder of its kind; one that is there is never replaced.

    Yaml becomes the first version of its file, and goes where the kind that its keys tell belongs.
    Weights go to ``weights/``; what their pickle would do is read, and nothing of them is loaded.
    Lists (txt) go to the root.

    Parameters
    ----------
    weights_allow
        What weights may use besides models' classes; see `check_weights`.

    Returns
    -------
    str
        Where it lies, relative to the volume.

    Raises
    ------
    UnsafePath
        The name is none of a plain file, or of another kind than these.
    InputError
        It is too large, not text where text is meant, not fit to be opened as weights, or cannot be
        written.
    FileChanged
        A file of this name is there, at the root or in the folder.
    """
    suffix = _acceptable_suffix(name, data)
    if suffix == ".pt":
        require_sound(io.BytesIO(data), name, weights_allow)
    if suffix in (".pt", ".txt"):
        return _keep_plain(volume, name, data, FOLDERS["model"] if suffix == ".pt" else "")
    text = decode(data, name)
    folder = folder_for(volume, kind_of_text(parse_yaml(text, name=name)))
    path = _free(volume, name, folder)
    save_text(volume, path, text, expected_sha256="", user=user, message="uploaded")
    return path


def _acceptable_suffix(name: str, data: bytes) -> str:
    """Give the suffix of a file that may be taken, by its name and size."""
    suffix = PurePosixPath(name).suffix
    if (
        "/" in name
        or "\\" in name
        or "\0" in name
        or name.startswith(".")
        or suffix not in SUFFIXES
    ):
        raise UnsafePath(
            said("'{name}' cannot be uploaded.", name=name),
            next=said("Upload a file with {names}.", names=", ".join(SUFFIXES)),
        )
    limit = MAX_WEIGHTS_MB << 20 if suffix == ".pt" else MAX_TEXT_BYTES
    if len(data) > limit:
        message = said(
            "{name} has {count:,} bytes; at most {limit:,} are taken.",
            name=name,
            count=len(data),
            limit=limit,
        )
        raise InputError(message, where=name, next=said("Copy it to the volume by other means."))
    return suffix


def _keep_plain(volume: Volume, name: str, data: bytes, folder: str) -> str:
    path = _free(volume, name, folder)
    if path.endswith(".txt"):
        decode(data, name)
    target = volume.path(path)
    temporary = target.with_name(f".{name}.{os.getpid()}.upload")
    try:
        make_folder(target.parent)
        temporary.write_bytes(data)
        os.link(temporary, target)  # unlike a rename, it fails when somebody was faster
    except FileExistsError:
        raise _taken(path) from None
    except OSError as reason:
        message = said("{path} cannot be written: {reason}.", path=path, reason=reason.strerror)
        next_step = said("Check the volume's permissions and space.")
        raise InputError(message, where=path, next=next_step) from reason
    finally:
        with suppress(OSError):  # it may never have been there, as its name was too long
            temporary.unlink()
    return path


def _free(volume: Volume, name: str, folder: str) -> str:
    path = str(Path(folder, name))
    for taken in {name, path}:
        if os.path.lexists(volume.path(taken)):
            raise _taken(taken)
    return path


def _taken(path: str) -> FileChanged:
    return FileChanged(
        said("{path} exists already.", path=path),
        where=path,
        next=said("Rename your file, or edit that one."),
    )
