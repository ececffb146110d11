"""The data yaml: its names, its base folder, and where each split lies."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.core import findings as say
from pipeline.core.dataset.files.base_folder import Start, choose_base, slash_hint, target
from pipeline.core.dataset.files.class_names import read_names
from pipeline.core.errors import InputError, SlipwayError
from pipeline.core.files import read_text
from pipeline.core.findings import Finding, has_errors
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume
from pipeline.core.yamltext.file import YamlFile, parse_yaml
from pipeline.core.yamltext.values import quoted, whole_number

SPLITS = ("train", "val", "test")
OPTIONAL = "test"  # where nothing can be had of it, val is measured
_MAX_CHANNELS = 1_024
ROOTS_SETTING = "SLIPWAY_DATA_ROOTS"


@dataclass(frozen=True)
class Entry:
    """One folder or txt list of a split.

    Parameters
    ----------
    path
        Absolute, links followed, as Ultralytics follows them.
    where
        ``file:line`` in the data yaml.
    written
        As it stands there.
    rule
        Why it leads to `path`, for people.
    """

    path: Path
    where: str
    written: str = ""
    rule: str = ""


@dataclass(frozen=True)
class Dataset:
    """A data yaml as Slipway understands it.

    Parameters
    ----------
    file
        The parsed yaml; its name is the path relative to the volume.
    names
        Class id to name, 0 to n - 1.
    base, root
        Folder that relative paths start from, and that folder with the yaml's ``path``.
    base_note
        Which base was taken, for people.
    splits
        Entries of train, val and, where given, test.
    keypoint_columns
        Columns of keypoints a label line has in a pose dataset, else 0.
    channels
        Of the images as they are loaded; 1 and 3 can be had of any.
    findings
        Warnings and notes; errors are raised instead.
    """

    file: YamlFile
    names: dict[int, str]
    base: Path
    root: Path
    base_note: str
    splits: dict[str, tuple[Entry, ...]]
    keypoint_columns: int = 0
    channels: int = 3
    findings: tuple[Finding, ...] = ()


def load_dataset(volume: Volume, data: str) -> Dataset:
    """Read a data yaml of the volume; the images are not looked at.

    Parameters
    ----------
    data
        Path relative to the volume.

    Raises
    ------
    FileMissing
        There is no such file.
    InputError
        It is not acceptable; `findings` hold every mistake.
    """
    return parse_dataset(volume, read_text(volume.path(data), shown_as=data), data)


def parse_dataset(volume: Volume, text: str, data: str) -> Dataset:
    """Understand the text of a data yaml that lies (or lay) at `data`; see `load_dataset`."""
    try:
        file = _with_nothing(parse_yaml(text, name=data))
    except InputError as reason:
        raise _refused(data, [as_finding(reason, "yaml-invalid")]) from reason
    names, found = read_names(file)
    written = {}
    for split in SPLITS:
        written[split], mistakes = _written(file, split)
        found += mistakes
    keypoints, about_keypoints = _keypoint_columns(file)
    channels, about_channels = _channels(file)
    found += [*about_keypoints, *about_channels, *_check_download(file)]
    if has_errors(found):
        raise _refused(data, found)
    start, mistakes = choose_base(volume, file, written["train"][1])
    found += mistakes
    if start is None:
        raise _refused(data, found)
    splits = {
        split: tuple(_entry(start, text, where) for text, where in zip(texts, lines, strict=True))
        for split, (lines, texts) in written.items()
        if texts
    }
    for split in tuple(splits):
        mistakes = _entry_mistakes(volume, split, splits[split])
        if mistakes and split == OPTIONAL:
            mistakes = as_warnings(mistakes)
            del splits[split]
        found += mistakes
    if has_errors(found):
        raise _refused(data, found)
    base, root, note = start.base, start.root, start.note
    return Dataset(file, names, base, root, note, splits, keypoints, channels, tuple(found))


def as_finding(reason: SlipwayError, code: str) -> Finding:
    """Turn one of our exceptions into a finding."""
    return say.error(code, reason.message, where=reason.where, next=reason.next)


def as_warnings(findings: Sequence[Finding]) -> list[Finding]:
    """Say of a split that is optional what is wrong with it: it is done without.

    What lies outside the volume stays an error: it is there, and needs a setting.
    """
    return [
        replace(finding, severity="warning")
        if finding.severity == "error" and finding.code != "outside-volume"
        else finding
        for finding in findings
    ]


def outside(volume: Volume, path: str | Path, where: str) -> Finding:
    """Say that something of a dataset lies where Slipway may not read."""
    name, target = shown(volume, str(path)), shown(volume, os.path.realpath(path))
    message = (
        said("'{name}' is outside the volume and {setting}.", name=name, setting=ROOTS_SETTING)
        if name == target
        else said(
            "'{name}' leads to '{target}', which is outside the volume and {setting}.",
            name=name,
            target=target,
            setting=ROOTS_SETTING,
        )
    )
    return say.error(
        "outside-volume",
        message,
        where=where,
        next=said(
            "Move it into the volume, or add its folder to {setting}.",
            setting=ROOTS_SETTING,
        ),
    )


def shown(volume: Volume, path: str) -> str:
    """Give a path for people: relative to the volume, and without bytes that are not UTF-8."""
    for root in (str(volume.root), os.path.realpath(volume.root)):
        path = path.removeprefix(f"{root}/")
    return os.fsencode(path).decode("utf-8", "replace")


def _refused(data: str, found: Sequence[Finding]) -> InputError:
    errors = [finding for finding in found if finding.severity == "error"]
    first, others = errors[0], len(errors) - 1
    message = first.message
    if others:
        message = said("{first} (and {count} more)", first=first.message, count=others)
    return InputError(message, findings=found, where=first.where or data, next=first.next)


def _written(
    file: YamlFile, split: str
) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], list[Finding]]:
    """Give the lines and texts of a split's entries, as they stand in the yaml."""
    key = "validation" if split == "val" and "val" not in file.data else split
    value, where = file.data.get(key), file.where(key)
    if _is_nothing(value):
        message = said("'{split}:' is not given; train and val are required.", split=split)
        hint = said("Add '{split}:' with a folder of images or a txt list.", split=split)
        missing = say.error("split-not-given", message, where=where, next=hint)
        return ((), ()), [] if split == OPTIONAL else [missing]
    items: dict[tuple[Hashable, ...], Any] = (
        {(key, index): item for index, item in enumerate(value)}
        if isinstance(value, list)
        else {(key,): value}
    )
    for keys, item in items.items():
        if not isinstance(item, str) or not item or "\0" in item:
            message = said(
                "'{split}' is {item}, not a path or a list of paths.",
                split=split,
                item=quoted(item),
            )
            mistakes = [say.error("split-invalid", message, where=file.where(*keys))]
            return ((), ()), as_warnings(mistakes) if split == OPTIONAL else mistakes
    return (tuple(file.where(*keys) for keys in items), tuple(items.values())), []


def _with_nothing(file: YamlFile) -> YamlFile:
    """Take ``None`` for what people mean by it; to yaml it is a text."""
    data = {key: None if value == "None" else value for key, value in file.data.items()}
    return replace(file, data=data)


def _is_nothing(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _channels(file: YamlFile) -> tuple[int, list[Finding]]:
    channels = file.data.get("channels")
    if _is_nothing(channels):
        return 3, []
    if type(channels) is int and 1 <= channels <= _MAX_CHANNELS:
        return channels, []
    message = said(
        "'channels' is {value}, not a whole number, 1 to {most:,}.",
        value=quoted(channels),
        most=_MAX_CHANNELS,
    )
    where, hint = file.where("channels"), said("Write 3 for images in colour, or remove it.")
    return 3, [say.error("channels-invalid", message, where=where, next=hint)]


def _check_download(file: YamlFile) -> list[Finding]:
    if not file.data.get("download"):
        return []
    message = said(
        "'download' is ignored: Slipway runs and fetches nothing that a data yaml names."
    )
    where, hint = file.where("download"), said("Fetch the dataset yourself if it is not there.")
    return [say.info("download-ignored", message, where=where, next=hint)]


def _keypoint_columns(file: YamlFile) -> tuple[int, list[Finding]]:
    shape = file.data.get("kpt_shape")
    if _is_nothing(shape):
        return 0, []
    where = file.where("kpt_shape")
    numbers = [whole_number(part) for part in shape] if isinstance(shape, list) else []
    if numbers and numbers[0] == 0:  # as Ultralytics says that there are no keypoints
        return 0, []
    if len(numbers) != 2 or numbers[1] not in (2, 3) or not numbers[0] or numbers[0] < 1:
        message = said("'kpt_shape' is {shape}, not [keypoints, 2 or 3].", shape=quoted(shape))
        return 0, [say.error("kpt-shape-invalid", message, where=where)]
    pose = say.warning(
        "not-detect-dataset",
        said("'kpt_shape' makes this a pose dataset; a detector trains on its boxes only."),
        where=where,
        next=said("Choose a pose model, or remove 'kpt_shape'."),
    )
    return int(numbers[0]) * int(numbers[1]), [pose]


def _entry(start: Start, text: str, where: str) -> Entry:
    path = target(start.root, text)
    rule = said("an absolute path") if os.path.isabs(text) else start.note
    if text.startswith("../") and path != Path(os.path.realpath(start.root / text)):
        rule = said("{rule}; nothing is there, so '../' is left out", rule=rule)
    return Entry(path, where, text, rule)


def _entry_mistakes(volume: Volume, split: str, entries: tuple[Entry, ...]) -> list[Finding]:
    found = []
    for entry in entries:
        path = entry.path
        is_there = os.path.exists(path)
        if not volume.allows_data(path) and (is_there or split != OPTIONAL):
            found.append(outside(volume, path, entry.where))
        elif not is_there:
            message = said(
                "'{path}' of {split} does not exist.", path=volume.relative(path), split=split
            )
            hint = slash_hint(str(path)) or said("Correct '{split}' or 'path'.", split=split)
            found.append(say.error("split-missing", message, where=entry.where, next=hint))
        elif not os.path.isdir(path) and not os.path.isfile(path):
            message = said(
                "'{path}' of {split} is neither a folder nor a plain file.",
                path=volume.relative(path),
                split=split,
            )
            found.append(say.error("not-a-file", message, where=entry.where))
    return found
