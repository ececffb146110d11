"""Saving a search space as a ``tune-*.yaml`` of the volume, for others and for later."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from pipeline.core.errors import InputError, UnsafePath
from pipeline.core.said import said
from pipeline.core.space.text import file_text
from pipeline.core.versions.editing import open_text, save_text
from pipeline.core.versions.templates import folder_for
from pipeline.core.volume.paths import Volume
from pipeline.core.yamltext.mapping import set_document

_PREFIX = "tune-"
_NAME = re.compile(r"\w[\w.-]{0,60}")


def save_space(
    volume: Volume, name: str, document: Mapping[str, Any], *, user: str, replace: bool = False
) -> str:
    """Save a search space; every save is a version, as of any file that people edit.

    Parameters
    ----------
    name
        With or without ``tune-`` and ``.yaml``.
    replace
        Whether a file of this name may be there; its comments and what is the same stay.

    Returns
    -------
    str
        What `pipeline.core.launch.choices.Choices.tune_space` names it by.

    Raises
    ------
    UnsafePath
        The name is none of a file.
    FileChanged
        There is a file of this name.
    InputError
        See `pipeline.core.versions.editing.save_text`.
    """
    path = space_path(volume, name)
    text, sha256 = file_text(document), ""
    if replace and volume.path(path).exists():
        before, sha256 = open_text(volume, path)
        text = _patched(before, document, text)
    save_text(volume, path, text, expected_sha256=sha256, user=user)
    stem = PurePosixPath(path).stem
    return stem if volume.resolve("tune", stem).path == path else path


def space_path(volume: Volume, name: str) -> str:
    """Give the file of a search space, relative to the volume.

    Raises
    ------
    UnsafePath
        The name is none of a file.
    """
    stem = name.strip().removesuffix(".yaml").removeprefix(_PREFIX)
    if not _NAME.fullmatch(stem):
        raise UnsafePath(
            said("'{name}' is no name of a search space.", name=name),
            next=said("Use letters, digits, - and _."),
        )
    folder = folder_for(volume, "tune")
    return f"{folder}/{_PREFIX}{stem}.yaml" if folder else f"{_PREFIX}{stem}.yaml"


def _patched(before: str, document: Mapping[str, Any], otherwise: str) -> str:
    try:
        return set_document(before, document)
    except InputError:  # broken, or full of aliases: its versions are kept
        return otherwise
