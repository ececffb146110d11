"""Texts that a new yaml file begins with."""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from pipeline.core.cfg.schema import GROUPS, SCHEMA, UNUSED_GROUPS, Setting
from pipeline.core.volume.paths import FOLDERS, Kind, Volume


def cfg_template(*, is_whole: bool) -> str:
    """Give a cfg with Ultralytics' defaults: the common settings, or all that have an effect."""
    settings = [
        setting
        for setting in SCHEMA.values()
        if not setting.owned
        and setting.group not in (*UNUSED_GROUPS, "slipway")
        and (is_whole or setting.is_common)
    ]
    parts = [_section(GROUPS[group], settings, group) for group in _groups(settings)]
    return "# Settings for training; what is not here keeps Ultralytics' default.\n" + "".join(
        parts
    )


def data_template() -> str:
    """Give a data yaml to fill in."""
    return (
        "# Where the images are. Labels lie beside them: images/train/1.jpg, labels/train/1.txt.\n"
        "path: datasets/mine  # in the volume; the splits are relative to it\n"
        "train: images/train\n"
        "val: images/val\n"
        "# test: images/test  # without it, Test measures on val\n"
        "\n"
        "names:  # class ids as in the label files, from 0\n"
        "  0: first\n"
        "  1: second\n"
    )


def folder_for(volume: Volume, kind: Kind) -> str:
    """Give the folder for new files of a kind: its own where there is one, else the root."""
    return FOLDERS[kind] if volume.path(FOLDERS[kind]).is_dir() else ""


def _groups(settings: Iterable[Setting]) -> list[str]:
    return list(dict.fromkeys(setting.group for setting in settings))


def _section(title: str, settings: Iterable[Setting], group: str) -> str:
    lines = [
        f"{_pair(setting):<28}# {setting.help}" for setting in settings if setting.group == group
    ]
    return "\n" + f"# {title}\n" + "".join(f"{line}\n" for line in lines)


def _pair(setting: Setting) -> str:
    if isinstance(setting.default, bool):
        return f"{setting.key}: {setting.default}"
    return str(yaml.safe_dump({setting.key: setting.default}, allow_unicode=True)).strip()
