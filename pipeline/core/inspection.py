"""Reading a dataset as a whole: one pass over its folders, labels and, when asked, images."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from pipeline.core.data_yaml import Dataset
from pipeline.core.dataset_checks import Marks, check_classes, check_orphans, check_shared
from pipeline.core.dataset_index import DatasetIndex
from pipeline.core.dataset_report import MAX_FINDINGS, BoxTable, DatasetReport, ResolvedEntry
from pipeline.core.dataset_task import check_task
from pipeline.core.findings import Finding, capped
from pipeline.core.fingerprint import Fingerprint
from pipeline.core.image_checks import check_contents, count_sizes, open_images
from pipeline.core.label_files import LabelFiles
from pipeline.core.label_table import LabelTable, join_tables, parse_labels
from pipeline.core.labels import Label
from pipeline.core.snapshot import Snapshot
from pipeline.core.split_counts import Counted, count_split
from pipeline.core.splits import Tree, list_images
from pipeline.core.watch import Watch


@dataclass(frozen=True)
class Inspection:
    """What a pass over a dataset gave.

    Parameters
    ----------
    report
        For people.
    boxes
        By split; what the report was made from.
    labels
        The label files' bytes, by folder and name.
    """

    report: DatasetReport
    boxes: dict[str, BoxTable]
    labels: Mapping[str, Mapping[str, bytes | Label]]


def inspect(
    tree: Tree,
    dataset: Dataset,
    index: DatasetIndex,
    before: Snapshot | None,
    watch: Watch,
    *,
    deep: bool,
) -> Inspection:
    """Read what the index does not have, and work out everything that is said about a dataset.

    Parameters
    ----------
    before
        What the files were when the index was written; None when there is none.
    deep
        Open the images too.

    Raises
    ------
    Stopped
        `watch` raised it.
    """
    found, marks = list(dataset.findings), Marks(list)
    images: dict[str, list[str]] = {}
    for split in dataset.splits:
        images[split], listed = list_images(tree, dataset, split)
        found += listed
    checks = open_images(images, watch, index.checked_images) if deep else {}
    if deep:
        found += check_contents(tree.volume, images, checks, marks)
    damaged = frozenset(path for path, check in checks.items() if check.mistake)
    labels = LabelFiles(tree, index.labels(before) if before else None)
    fingerprint, counted = Fingerprint(dataset), dict[str, Counted]()
    for split, paths in images.items():
        fingerprint.start(split, len(paths))
        table = _read_labels(dataset, labels, paths, fingerprint, found, watch)
        counted[split] = count_split(tree, dataset, split, paths, table, damaged)
        found += counted[split].findings
    splits = {split: entry.counts for split, entry in counted.items()}
    found += check_shared(tree.volume, images, marks)
    found += check_orphans(
        tree, dataset, images, {folder: of.keys() for folder, of in labels.by_folder.items()}
    )
    found += check_classes(dataset, splits)
    tables = {split: entry.table for split, entry in counted.items()}
    task, class_folders, about_task = check_task(dataset, images, tables)
    found[:0] = about_task  # it explains what the splits' findings say
    found += tree.problems()
    report = DatasetReport(
        data=dataset.file.name,
        names=dataset.names,
        splits=splits,
        all_findings=tuple(capped(found, MAX_FINDINGS)),
        base_note=dataset.base_note,
        fingerprint=str(fingerprint),
        task=task,
        boxes={split: entry.stats for split, entry in counted.items()},
        resolved={
            split: tuple(
                ResolvedEntry(entry.written, tree.volume.relative(entry.path), entry.rule)
                for entry in entries
            )
            for split, entries in dataset.splits.items()
        },
        image_sizes={split: count_sizes(paths, checks) for split, paths in images.items()}
        if deep
        else {},
        class_folders=class_folders,
    )
    return Inspection(report, _box_tables(images, counted, marks), labels.by_folder)


def _read_labels(
    dataset: Dataset,
    labels: LabelFiles,
    images: list[str],
    fingerprint: Fingerprint,
    found: list[Finding],
    watch: Watch,
) -> LabelTable:
    """Read labels, and make a table of those that are read while the next ones are."""
    classes, keypoint_columns = len(dataset.names), dataset.keypoint_columns

    def take(some: list[str], files: list[bytes | Label]) -> LabelTable:
        fingerprint.add(some, files)
        return parse_labels(files, classes, keypoint_columns)

    with ThreadPoolExecutor(1) as pool:
        parts = [pool.submit(take, *block) for block in labels.read(images, found, watch)]
        return join_tables([part.result() for part in parts])


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
