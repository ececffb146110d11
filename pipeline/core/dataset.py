"""What a dataset holds and what is wrong with it, in the numbers that Ultralytics trains on.

The questions that the rest of Slipway asks: `load_dataset`, `inspect_dataset`, `read_boxes`,
`fingerprint` and `write_verified_data`.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline.core.data_yaml import Dataset, Entry, as_finding, load_dataset, parse_dataset
from pipeline.core.dataset_checks import Marks, check_classes, check_orphans, check_shared
from pipeline.core.dataset_report import MAX_FINDINGS, BoxTable, DatasetReport, ResolvedEntry
from pipeline.core.dataset_task import check_task
from pipeline.core.errors import InputError, SlipwayError
from pipeline.core.files import write_atomic
from pipeline.core.findings import capped
from pipeline.core.image_checks import check_contents, count_sizes, open_images
from pipeline.core.label_files import add_to_digest, read_labels
from pipeline.core.label_table import parse_labels
from pipeline.core.snapshot import Snapshot, take_snapshot
from pipeline.core.split_counts import Counted, count_split
from pipeline.core.splits import Tree, list_images, list_lines
from pipeline.core.volume import Volume
from pipeline.core.watch import Watch, nobody

__all__ = [
    "BoxTable",
    "Dataset",
    "DatasetReport",
    "fingerprint",
    "inspect_dataset",
    "load_dataset",
    "read_boxes",
    "write_verified_data",
]


@dataclass(frozen=True)
class _Inspection:
    """A report with the boxes that it was made from."""

    report: DatasetReport
    boxes: dict[str, BoxTable]


@dataclass(frozen=True)
class _Kept:
    """A report with what it was made from."""

    dataset: Dataset
    snapshot: Snapshot
    report: DatasetReport


_MAX_KEPT = 16
_kept: dict[tuple[Volume, str], _Kept] = {}
# Of the latest one only: a hundred thousand images take some fifty megabytes.
_kept_boxes: dict[tuple[Volume, str], dict[str, BoxTable]] = {}


def inspect_dataset(
    volume: Volume,
    data: str,
    *,
    deep: bool = False,
    index_folder: Path | None = None,
    watch: Watch = nobody,
) -> DatasetReport:
    """Count a dataset and look for everything that would stop or spoil a training.

    Parameters
    ----------
    data
        The data yaml, relative to the volume.
    deep
        Open the images too: damaged ones, and the same content in two splits. Without it, a report
        of this process is given again as long as no folder, list or label that it was made from
        changed: every call looks at their times, so that a count is never an old one.
    index_folder
        Not used yet: only this process keeps what was read. Callers that have a state folder give
        it, so that reports can be kept there.
    watch
        Told how far it is.

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
    if deep:
        return _inspect(volume, dataset, Tree(volume), watch, deep=True).report
    key = (volume, data)
    kept = _kept.get(key)
    if kept and kept.dataset == dataset and kept.snapshot.is_current:
        return kept.report
    return _inspect_and_keep(volume, dataset, watch).report


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
        With what opening the images says.
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
    if split not in dataset.splits:
        known = ", ".join(dataset.splits)
        raise InputError(
            f"'{split}' is not a split of the data.", where=data, next=f"Choose one of {known}."
        )
    if deep:
        return _inspect(volume, dataset, Tree(volume), watch, deep=True).boxes[split]
    boxes = _kept_boxes.get((volume, data))
    kept = _kept.get((volume, data))
    if boxes and kept and kept.dataset == dataset and kept.snapshot.is_current:
        return boxes[split]
    return _inspect_and_keep(volume, dataset, watch).boxes[split]


def fingerprint(volume: Volume, data: str) -> str:
    """Give a digest of split lists and labels, the same wherever the volume is mounted.

    Raises
    ------
    InputError, FileMissing
        The data yaml is not acceptable.
    """
    dataset = load_dataset(volume, data)
    tree, digest = Tree(volume), hashlib.sha256()
    for split in dataset.splits:
        images, _ = list_images(tree, dataset, split)
        add_to_digest(digest, dataset, split, images, read_labels(tree, images, []))
    return digest.hexdigest()


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
    document: dict[Any, Any] = {
        key: value
        for key, value in dataset.file.data.items()
        # Ultralytics would run what 'download' says.
        if key not in ("download", "validation", "minival", "yaml_file")
    }
    document |= {"path": os.path.realpath(dataset.root), "names": dataset.names}
    document["nc"] = len(dataset.names)
    for split, entries in dataset.splits.items():
        paths = [
            _for_this_mount(volume, dataset, entry, folder / f"{split}-{index}.txt")
            for index, entry in enumerate(entries)
        ]
        document[split] = paths[0] if len(paths) == 1 else paths
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    write_atomic(folder / "data.yaml", text)
    return folder / "data.yaml"


def _inspect_and_keep(volume: Volume, dataset: Dataset, watch: Watch) -> _Inspection:
    key = (volume, dataset.file.name)
    tree, read_at_ns = Tree(volume), time.time_ns()
    inspection = _inspect(volume, dataset, tree, watch, deep=False)
    # Whether a folder outside is still outside cannot be told from folders that may be listed.
    look = None if tree.has_refused else _read_from(tree, dataset)
    snapshot = take_snapshot(*look, read_at_ns) if look else None
    _kept_boxes.clear()
    _kept.pop(key, None)
    if snapshot:
        _kept[key] = _Kept(dataset, snapshot, inspection.report)
        _kept_boxes[key] = inspection.boxes
        if len(_kept) > _MAX_KEPT:
            _kept.pop(next(iter(_kept)), None)  # another thread may have been faster
    return inspection


def _inspect(
    volume: Volume, dataset: Dataset, tree: Tree, watch: Watch, *, deep: bool
) -> _Inspection:
    found = list(dataset.findings)
    marks: Marks = defaultdict(list)
    images: dict[str, list[str]] = {}
    for split in dataset.splits:
        images[split], listed = list_images(tree, dataset, split)
        found += listed
    checks = open_images(images, watch) if deep else {}
    if deep:
        found += check_contents(volume, images, checks, marks)
    damaged = frozenset(path for path, check in checks.items() if check.mistake)
    digest, counted = hashlib.sha256(), dict[str, Counted]()
    for split, paths in images.items():
        files = read_labels(tree, paths, found, watch)
        add_to_digest(digest, dataset, split, paths, files)
        table = parse_labels(files, len(dataset.names), dataset.keypoint_columns)
        counted[split] = count_split(tree, dataset, split, paths, table, damaged)
        found += counted[split].findings
    splits = {split: entry.counts for split, entry in counted.items()}
    found += check_shared(volume, images, marks)
    found += check_orphans(tree, dataset, images)
    found += check_classes(dataset, splits)
    tables = {split: entry.table for split, entry in counted.items()}
    task, class_folders, about_task = check_task(dataset, images, tables)
    found += about_task
    found += tree.problems()
    report = DatasetReport(
        data=dataset.file.name,
        names=dataset.names,
        splits=splits,
        all_findings=tuple(capped(found, MAX_FINDINGS)),
        base_note=dataset.base_note,
        fingerprint=digest.hexdigest(),
        task=task,
        boxes={split: entry.stats for split, entry in counted.items()},
        resolved={
            split: tuple(
                ResolvedEntry(entry.written, volume.relative(entry.path), entry.rule)
                for entry in entries
            )
            for split, entries in dataset.splits.items()
        },
        image_sizes={split: count_sizes(paths, checks) for split, paths in images.items()}
        if deep
        else {},
        class_folders=class_folders,
    )
    return _Inspection(report, _box_tables(images, counted, marks))


def _box_tables(
    images: dict[str, list[str]], counted: dict[str, Counted], marks: Marks
) -> dict[str, BoxTable]:
    tables = {}
    for split, entry in counted.items():
        others = {code: np.array(at, np.int32) for (of, code), at in marks.items() if of == split}
        table = entry.table
        tables[split] = BoxTable(
            images[split], table.image, table.class_id, table.boxes, {**entry.marks, **others}
        )
    return tables


def _read_from(tree: Tree, dataset: Dataset) -> tuple[set[str], set[str]]:
    """Give the folders and the lists that a report depends on."""
    folders, root = set(tree.folders()), f"{dataset.root}/"
    # A plain line of a list is looked for below the base first: what appears there counts.
    folders |= {f"{dataset.base}/{path[len(root) :]}" for path in folders if path.startswith(root)}
    return folders, {str(entry.path) for entries in dataset.splits.values() for entry in entries}


def _for_this_mount(volume: Volume, dataset: Dataset, entry: Entry, copy: Path) -> str:
    if entry.path.is_dir():
        return str(entry.path)
    lines: Sequence[str] = [path for _, path in list_lines(volume, dataset, entry)]
    write_atomic(copy, "".join(f"{line}\n" for line in lines))
    return str(copy.absolute())
