"""What a dataset holds and what is wrong with it, in the numbers that Ultralytics trains on.

The questions that the rest of Slipway asks: `load_dataset`, `inspect_dataset`, `read_boxes` and
`write_verified_data`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.dataset.files.data_yaml import (
    OPTIONAL,
    Dataset,
    Entry,
    as_finding,
    load_dataset,
    parse_dataset,
)
from pipeline.core.dataset.files.splits import Tree, list_images, list_lines
from pipeline.core.dataset.index import DatasetIndex, Kept
from pipeline.core.dataset.inspection import inspect
from pipeline.core.dataset.loading import EVERYTHING, Loading
from pipeline.core.dataset.report import BoxTable, DatasetReport
from pipeline.core.dataset.snapshot import FolderState, Snapshot
from pipeline.core.errors import InputError, SlipwayError
from pipeline.core.files import write_atomic
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume
from pipeline.core.watch import Watch, nobody
from pipeline.core.yamltext.values import whole_number

__all__ = [
    "BoxTable",
    "Dataset",
    "DatasetReport",
    "inspect_dataset",
    "load_dataset",
    "read_boxes",
    "verified_places",
    "write_verified_data",
]


@dataclass(frozen=True)
class _Boxes:
    """The boxes of a dataset's splits, with the report and the files that they belong to."""

    kept: Kept
    by_split: dict[str, BoxTable]


_MAX_KEPT = 16
_kept: dict[tuple[Volume, str, Loading], Kept] = {}
# Of the latest one only: a hundred thousand images take some fifty megabytes.
_boxes: dict[tuple[Volume, str, bool], _Boxes] = {}


def inspect_dataset(
    volume: Volume,
    data: str,
    *,
    deep: bool = False,
    index_folder: Path | None = None,
    watch: Watch = nobody,
    loading: Loading = EVERYTHING,
) -> DatasetReport:
    """Count a dataset and look for everything that would stop or spoil a training.

    Parameters
    ----------
    data
        The data yaml, relative to the volume.
    deep
        Open the images too: damaged ones, and the same content in two splits. Without it, a report
        is given again as long as no folder, list or label that it was made from changed: every
        call looks at their times, so that a count is never an old one.
    index_folder
        Where reports, labels and what opening the images told are kept, so that only what changed
        is read again, also by another process. Without it this process keeps its reports.
    watch
        Told how far it is.
    loading
        What of the dataset counts, fingerprint and all.

    Returns
    -------
    DatasetReport
        Whatever the dataset holds; content that is not acceptable becomes findings.

    Raises
    ------
    Stopped
        `watch` raised it.
    """
    try:
        dataset = load_dataset(volume, data)
    except InputError as reason:
        findings = reason.findings or (as_finding(reason, "data-invalid"),)
        return DatasetReport(data, all_findings=tuple(findings))
    except SlipwayError as reason:
        return DatasetReport(data, all_findings=(as_finding(reason, "data-missing"),))
    index = DatasetIndex(index_folder, volume, dataset)
    if deep:
        return _inspect(volume, dataset, index, watch, deep=True, loading=loading).kept.report
    kept, seen = _kept.get((volume, data, loading)), dict[str, FolderState]()
    if kept is None and loading == EVERYTHING:
        kept = index.load()
    if kept and kept.question == index.question and kept.snapshot.is_current(seen):
        _keep((volume, data, loading), kept)
        return kept.report
    return _inspect(volume, dataset, index, watch, seen=seen, loading=loading).kept.report


def read_boxes(
    volume: Volume,
    data: str,
    split: str,
    *,
    deep: bool = False,
    index_folder: Path | None = None,
    watch: Watch = nobody,
) -> BoxTable:
    """Give the boxes of a split that the training uses, and which images have which findings.

    Parameters
    ----------
    split
        ``train``, ``val`` or ``test``.
    deep
        With what opening the images says; those of the latest such `inspect_dataset` as long as
        no label changed.
    index_folder, watch
        See `inspect_dataset`.

    Raises
    ------
    InputError, FileMissing
        The data yaml is not acceptable, or has no such split.
    Stopped
        `watch` raised it.
    """
    dataset = load_dataset(volume, data)
    index = DatasetIndex(index_folder, volume, dataset)
    boxes = _boxes.get((volume, data, deep))
    if not boxes or boxes.kept.question != index.question or not boxes.kept.snapshot.is_current():
        boxes = _inspect(volume, dataset, index, watch, deep=deep)
    if split not in boxes.by_split:
        known = ", ".join(boxes.by_split)
        message = said("'{split}' is not a split of the data.", split=split)
        raise InputError(message, where=data, next=said("Choose one of {known}.", known=known))
    return boxes.by_split[split]


def write_verified_data(volume: Volume, data_text: str, data_name: str, folder: Path) -> Path:
    """Write a data yaml with absolute paths for this mount, and its txt lists beside it.

    Parameters
    ----------
    data_text
        The yaml's text; a launch's snapshot need not be what lies at `data_name` by now.
    data_name
        Path relative to the volume; relative entries start from its folder.
    folder
        Where ``data.yaml`` and the lists go.

    Returns
    -------
    Path
        The written yaml.

    Raises
    ------
    InputError
        The yaml is not acceptable; `findings` hold every mistake.
    """
    dataset = parse_dataset(volume, data_text, data_name)
    # Nothing else of the yaml reaches Ultralytics: it would run what ``download`` says.
    document: dict[str, Any] = {"path": os.path.realpath(dataset.root), "names": dataset.names}
    document["nc"] = len(dataset.names)
    if dataset.channels != 3:
        document["channels"] = dataset.channels
    if dataset.keypoint_columns:  # a detector cuts them off
        document["kpt_shape"] = [whole_number(part) for part in dataset.file.data["kpt_shape"]]
    for split, entries in dataset.splits.items():
        if split == OPTIONAL and not list_images(Tree(volume), dataset, split)[0]:
            continue
        paths = [
            _for_this_mount(volume, dataset, entry, _copy(folder, split, index))
            for index, entry in enumerate(entries)
        ]
        document[split] = paths[0] if len(paths) == 1 else paths
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    write_atomic(folder / "data.yaml", text)
    return folder / "data.yaml"


def verified_places(
    volume: Volume, data_text: str, data_name: str, folder: Path, split: str
) -> list[Path]:
    """Give the folders and lists of a split as `write_verified_data` names them on this mount.

    Raises
    ------
    InputError
        The yaml is not acceptable.
    """
    entries = parse_dataset(volume, data_text, data_name).splits.get(split, ())
    return [
        entry.path
        if entry.path.is_dir()
        else Path(os.path.realpath(folder)) / _copy(folder, split, index).name
        for index, entry in enumerate(entries)
    ]


def _copy(folder: Path, split: str, index: int) -> Path:
    return folder / f"{split}-{index}.txt"


def _inspect(
    volume: Volume,
    dataset: Dataset,
    index: DatasetIndex,
    watch: Watch,
    *,
    deep: bool = False,
    seen: Mapping[str, FolderState] | None = None,
    loading: Loading = EVERYTHING,
) -> _Boxes:
    """Read what changed of a dataset, and keep it."""
    tree, data = Tree(volume, seen), dataset.file.name
    before = index.load()
    known = before.snapshot if before else None
    found = inspect(tree, dataset, index, known, watch, deep=deep, loading=loading)
    kept = Kept(index.question, _snapshot(tree, dataset), found.report)
    # Whether a folder outside is still outside cannot be told from folders that may be listed.
    if not tree.has_refused and not deep:
        _keep((volume, data, loading), kept)
    boxes = _Boxes(kept, found.boxes)
    if loading != EVERYTHING:
        return boxes
    if not tree.has_refused and not deep:
        index.save(kept, found.labels.keep)
    _boxes.clear()
    if not tree.has_refused:
        _boxes[volume, data, deep] = boxes
    return boxes


def _keep(asked: tuple[Volume, str, Loading], kept: Kept) -> None:
    _kept.pop(asked, None)
    _kept[asked] = kept
    if len(_kept) > _MAX_KEPT:
        _kept.pop(next(iter(_kept)), None)  # another thread may have been faster


def _snapshot(tree: Tree, dataset: Dataset) -> Snapshot:
    """Remember the folders and the lists that a report depends on."""
    root, folders = f"{dataset.root}/", tree.folders
    # A plain line of a list is looked for below the base first: what appears there counts.
    below = {f"{dataset.base}/{path[len(root) :]}" for path in folders if path.startswith(root)}
    lists = {str(entry.path) for entries in dataset.splits.values() for entry in entries}
    return tree.snapshot(lists | below - set(folders))


def _for_this_mount(volume: Volume, dataset: Dataset, entry: Entry, copy: Path) -> str:
    if entry.path.is_dir():
        return str(entry.path)
    lines: Sequence[str] = [path for _, path in list_lines(volume, dataset, entry)]
    write_atomic(copy, "".join(f"{line}\n" for line in lines))
    return str(copy.absolute())
