"""Presets: named sets of overrides on the volume, shared by everybody who uses it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.core.cfg.check import clean
from pipeline.core.cfg.renamed import with_new_names
from pipeline.core.cfg.train_cfg import check_cfg
from pipeline.core.errors import InputError, UnsafePath
from pipeline.core.findings import has_errors
from pipeline.core.said import said
from pipeline.core.versions.editing import digest_now, open_text, save_text
from pipeline.core.versions.history import Version
from pipeline.core.volume.paths import PRESETS, Volume
from pipeline.core.yamltext.edit import set_values
from pipeline.core.yamltext.file import parse_yaml

_NAME = re.compile(r"\w[\w .-]{0,60}")


def list_presets(volume: Volume) -> list[str]:
    """Give the names of the presets, sorted."""
    folder = volume.path(PRESETS)
    if not folder.is_dir():
        return []
    files = (path for path in folder.iterdir() if path.suffix == ".yaml" and path.is_file())
    return sorted(path.stem for path in files if not path.name.startswith("."))


def load_preset(volume: Volume, name: str) -> dict[str, Any]:
    """Give a preset's overrides.

    Raises
    ------
    FileMissing
        There is no such preset.
    InputError
        It cannot be read, or has settings that no cfg takes; `findings` hold every mistake.
    """
    path = preset_path(name)
    file = parse_yaml(open_text(volume, path)[0], name=path)
    findings = check_cfg(file, {}, volume)
    if has_errors(findings):
        first = findings[0]
        message = said(
            "preset '{name}' cannot be applied: {message}", name=name, message=first.message
        )
        raise InputError(message, where=first.where, next=first.next, findings=findings)
    given = with_new_names(file.data).items()
    return {str(key): clean(str(key), value) for key, value in given}


def save_preset(
    volume: Volume, name: str, overrides: Mapping[str, Any], *, user: str, replace: bool = False
) -> Version:
    """Save overrides under a name; every save is a version, as of any file that people edit.

    Parameters
    ----------
    replace
        Whether a preset of this name may be there; without it that is refused.

    Raises
    ------
    UnsafePath
        The name is none of a file.
    FileChanged
        There is a preset of this name.
    InputError
        See `pipeline.core.versions.editing.save_text`.
    """
    path = preset_path(name)
    expected = digest_now(volume, path) if replace else ""
    text = set_values(f"# Preset {name}: settings over a cfg.\n", dict(overrides))
    return save_text(volume, path, text, expected_sha256=expected, user=user)


def preset_path(name: str) -> str:
    """Give the file of a preset, relative to the volume.

    Raises
    ------
    UnsafePath
        The name is none of a file.
    """
    if not _NAME.fullmatch(name):
        raise UnsafePath(
            said("'{name}' is no name of a preset.", name=name),
            next=said("Use letters, digits, spaces, - and _."),
        )
    return f"{PRESETS}/{name}.yaml"
