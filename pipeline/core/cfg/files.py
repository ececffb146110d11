"""Files that settings name: they lie on the volume, and nothing is fetched.

Ultralytics would download an address, look for a bare name in its working directory and on GitHub,
and unpickle what it finds. So a step gives it the absolute path of a file on the volume, or none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from pipeline.core.cfg.schema import SCHEMA
from pipeline.core.cfg.setting import Setting
from pipeline.core.errors import FileMissing, InputError, UnsafePath
from pipeline.core.findings import Finding, error
from pipeline.core.official_weights import official_name
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume

# Where steps on Kubeflow have the volume: people write paths as these see them, too.
_IN_PODS = PurePosixPath("/data")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_UNUSED = said("Remove it: a training does not use it.")
_ON_VOLUME = said(
    "Name a file on the volume, such as best.pt or runs/<launch>/train/weights/best.pt."
)


def check_text(setting: Setting, value: Any, where: str) -> list[Finding]:
    """Find what no file of the volume can be called; the volume is not looked at."""
    if not isinstance(value, str) or not setting.names or setting.owned:
        return []
    shown, plain = repr(value[:80]), _plain(value)
    is_weights = setting.names == "weights"
    if _SCHEME.match(plain):
        message = said(
            "'{key}' is {value}; a step fetches nothing and reads no address, only the volume's "
            "files.",
            key=setting.key,
            value=shown,
        )
        hint = _fetch(plain) if is_weights else _UNUSED
        return [error("setting-address", message, where=where, next=hint)]
    # An absolute path of weights is looked at with the volume: it may lie on it.
    is_outside = plain.startswith("~") or (plain.startswith("/") and not is_weights)
    if not plain or is_outside or ".." in PurePosixPath(plain).parts:
        message = (
            said("'{key}' is {value}, which leads out of the volume.", key=setting.key, value=shown)
            if plain
            else said("'{key}' is {value}, which names nothing.", key=setting.key, value=shown)
        )
        hint = _ON_VOLUME if is_weights else _UNUSED
        return [error("unsafe-path", message, where=where, next=hint)]
    return []


def check_file_setting(key: str, value: Any, where: str, volume: Volume) -> list[Finding]:
    """Find why a setting's text stands for no weights on the volume; other values are fine."""
    setting = SCHEMA.get(key)
    is_name = setting is not None and setting.names == "weights" and isinstance(value, str)
    if setting is None or not is_name or check_text(setting, value, where):
        return []
    try:
        _weights(key, value, volume)
    except (InputError, FileMissing) as reason:
        code = "unsafe-path" if isinstance(reason, UnsafePath) else "file-missing"
        return [
            error(
                code,
                said("'{key}': {message}", key=key, message=reason.message),
                where=where,
                next=reason.next,
            )
        ]
    return []


def check_named_weights(
    named: Iterable[tuple[str, Any, str]], volume: Volume, allow: Collection[str]
) -> list[Finding]:
    """Find what is wrong inside the files that settings name; of missing ones others say so.

    Parameters
    ----------
    named
        Setting, its value and where it is given.
    allow
        See `pipeline.core.weights.check.check_weights`.
    """
    from pipeline.core.weights.check import check_weights  # lists of runs open no weights

    findings: list[Finding] = []
    for key, value, where in named:
        if SCHEMA[key].names == "weights" and isinstance(value, str):
            with suppress(InputError, FileMissing):
                path = weight_paths({key: value}, volume)[key]
                findings += check_weights(volume.path(path), path, allow, where=where)
    return findings


def weight_paths(cfg: Mapping[str, Any], volume: Volume) -> dict[str, str]:
    """Give the weights that settings name: setting to path, relative to the volume.

    Parameters
    ----------
    cfg
        Checked settings, such as an effective cfg or the values of a trial.

    Raises
    ------
    InputError, FileMissing
        A text stands for no weights on the volume.
    """
    named: dict[str, str] = {}
    for key, value in cfg.items():
        setting = SCHEMA.get(key)
        if setting is None or setting.names != "weights" or not isinstance(value, str):
            continue
        if mistakes := check_text(setting, value, key):
            raise UnsafePath(mistakes[0].message, where=key, next=mistakes[0].next)
        named[key] = _weights(key, value, volume)
    return named


def weight_files(cfg: Mapping[str, Any], volume: Volume) -> dict[str, Path]:
    """Give the same as `weight_paths` as what Ultralytics gets: absolute paths on this machine.

    This is the one place that says which weights besides the model a training unpickles.
    """
    return {key: volume.path(path) for key, path in weight_paths(cfg, volume).items()}


def _weights(key: str, name: str, volume: Volume) -> str:
    path = volume.resolve("model", _relative(key, name, volume)).path
    try:
        is_file = volume.path(path).is_file()
    except OSError:  # such as a folder that may not be entered
        is_file = False
    if not is_file or not path.endswith(".pt"):
        raise FileMissing(
            said("{path} is no file with weights (.pt).", path=path), where=key, next=_ON_VOLUME
        )
    return path


def _relative(key: str, name: str, volume: Volume) -> str:
    path = PurePosixPath(name)
    for root in (volume.root, _IN_PODS):
        if path.is_relative_to(root):
            return str(path.relative_to(root))
    if _plain(name).startswith("/"):
        raise UnsafePath(
            said("{name} leads out of the volume.", name=repr(name[:80])),
            where=key,
            next=_ON_VOLUME,
        )
    return name


def _plain(value: str) -> str:
    """Give a text without what hides an address from a reader, but not from what would open it."""
    for _ in range(4):  # %2568ttp is http in the second round
        value = unquote(value)
    letters = (letter for letter in value if letter.isprintable() and not letter.isspace())
    return "".join(letters).replace("\\", "/")


def _fetch(plain: str) -> str:
    """Say how the file comes to the volume."""
    official = official_name(PurePosixPath(plain.partition("?")[0]).name)
    name = official or "NAME"
    return said(
        "Fetch official weights on the Models page or with 'slipway weights {name}'; "
        "copy others to the volume. Then give the file's name.",
        name=name,
    )
