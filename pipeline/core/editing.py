"""Editing yaml files of the volume: what is wrong with a text, and saving it safely."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from pipeline.core.errors import FileChanged, FileMissing, InputError, UnsafePath
from pipeline.core.files import MAX_TEXT_BYTES, read_bytes, write_atomic
from pipeline.core.findings import Finding, error, info, ordered
from pipeline.core.model_yaml import check_model_yaml
from pipeline.core.run_folder import RUNS
from pipeline.core.search_space import check_space
from pipeline.core.train_cfg import check_cfg
from pipeline.core.volume import FOLDERS, Kind, Volume
from pipeline.core.yaml_file import YamlFile, parse_yaml


def check_file(volume: Volume, path: str, text: str) -> list[Finding]:
    """Find what is wrong with a text that is about to be saved under a name.

    Parameters
    ----------
    path
        Relative to the volume; together with the keys it tells a cfg from a data yaml, a model yaml
        and a search space.

    Returns
    -------
    list of Finding
        Errors first; `where` is ``file:line``.
    """
    try:
        _editable(volume, path)
        document = parse_yaml(text, name=path)
    except InputError as reason:
        code = "unsafe-path" if isinstance(reason, UnsafePath) else "yaml-invalid"
        return [error(code, reason.message, where=reason.where or path, next=reason.next)]
    if not document.data:
        return [info("empty-file", "the file holds no settings.", where=path)]
    return ordered(_check(volume, document))


def save_text(volume: Volume, path: str, text: str, *, expected_sha256: str) -> str:
    """Save a yaml file of the volume, unless somebody else changed it meanwhile.

    Parameters
    ----------
    path
        Relative to the volume, ``.yaml`` or ``.yml``, not under ``runs/``.
    expected_sha256
        Of the file as it was opened (see `open_text`); empty makes a new file.

    Returns
    -------
    str
        SHA-256 of the saved file.

    Raises
    ------
    UnsafePath
        The name leaves the volume, or is none that may be edited.
    FileChanged
        The file is not the one that was opened; nothing is written.
    InputError
        The text is too long, or the folder cannot be written.
    """
    _editable(volume, path)
    data = text.encode()
    if len(data) > MAX_TEXT_BYTES:
        raise InputError(f"{path} would have {len(data):,} bytes.", where=path, next="Shorten it.")
    target = volume.path(path)
    if target.is_symlink():  # a rename would replace the link and leave what it points to
        target = target.resolve()
    try:
        with _locked(volume):
            _check_unchanged(volume, path, expected_sha256)
            write_atomic(target, data)
    except OSError as reason:
        raise InputError(
            f"{path} cannot be written: {reason.strerror}.",
            where=path,
            next="Check the volume's permissions and space.",
        ) from reason
    return hashlib.sha256(data).hexdigest()


def open_text(volume: Volume, path: str) -> tuple[str, str]:
    """Give a file's text for an editor, and the SHA-256 that `save_text` wants back.

    Raises
    ------
    UnsafePath, FileMissing, InputError
        See `pipeline.core.files.read_text`.
    """
    _editable(volume, path)
    data = read_bytes(volume.path(path), shown_as=path)
    try:
        return data.decode("utf-8-sig"), hashlib.sha256(data).hexdigest()
    except UnicodeDecodeError as reason:
        line = data[: reason.start].count(b"\n") + 1
        raise InputError(
            "the file is not UTF-8.", where=f"{path}:{line}", next="Save it as UTF-8."
        ) from reason


def _editable(volume: Volume, path: str) -> None:
    volume.path(path)
    pure = PurePosixPath(path)
    if pure.suffix not in (".yaml", ".yml") or pure.name.startswith("."):
        raise UnsafePath(f"'{path}' is not a yaml file.", next="Choose a name that ends in .yaml.")
    normal = os.path.relpath(os.path.realpath(volume.path(path)), os.path.realpath(volume.root))
    if PurePosixPath(os.path.normpath(path)).parts[0] == RUNS or normal.split(os.sep)[0] == RUNS:
        raise UnsafePath(f"'{path}' is a record of a run.", next="Copy it and edit the copy.")


def _kind(document: YamlFile) -> Kind:
    path = PurePosixPath(document.name)
    keys = set(document.data)
    if path.name.lower().startswith("tune-"):
        return "tune"
    if {"backbone", "head"} & keys:
        return "model"
    is_data = {"names", "nc", "train", "path"} & keys
    return "data" if is_data or path.parent.name == FOLDERS["data"] else "cfg"


def _check(volume: Volume, document: YamlFile) -> list[Finding]:
    kind = _kind(document)
    if kind == "cfg":
        return check_cfg(document, {})
    if kind == "tune":
        return check_space(document, None, {})
    if kind == "model":
        return check_model_yaml(document)
    return _check_data(volume, document)


def _check_data(volume: Volume, document: YamlFile) -> list[Finding]:
    # the dataset modules load pillow; editing a cfg does without them
    from pipeline.core.data_yaml import parse_dataset

    try:
        return list(parse_dataset(volume, document.text, document.name).findings)
    except FileMissing as reason:
        return [error("file-missing", reason.message, where=reason.where, next=reason.next)]
    except InputError as reason:
        bad = error("bad-file", reason.message, where=reason.where, next=reason.next)
        return list(reason.findings) or [bad]


def _check_unchanged(volume: Volume, path: str, expected_sha256: str) -> None:
    try:
        current = hashlib.sha256(read_bytes(volume.path(path), shown_as=path)).hexdigest()
    except FileMissing:
        current = ""
    if current == expected_sha256:
        return
    if not expected_sha256:
        raise FileChanged(f"{path} exists already.", where=path, next="Choose another name.")
    raise FileChanged(
        f"{path} was changed by somebody else.",
        where=path,
        next="Open it again and repeat your change.",
    )


@contextmanager
def _locked(volume: Volume) -> Iterator[None]:
    """Let one save at a time compare and rename; the lock goes with the process."""
    lock = volume.root / ".history" / "lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
