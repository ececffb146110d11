"""Reading a dataset as a whole: one pass over its folders, labels and, when asked, images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from pipeline.core.dataset.checks.counts import Counted, count_split
from pipeline.core.dataset.checks.images import (
    check_channels,
    check_contents,
    count_sizes,
    open_images,
)
from pipeline.core.dataset.checks.splits import Marks, check_classes, check_orphans, check_shared
from pipeline.core.dataset.checks.task import check_task
from pipeline.core.dataset.files.data_yaml import Dataset
from pipeline.core.dataset.files.images import ImageCheck
from pipeline.core.dataset.files.splits import Tree, list_splits
from pipeline.core.dataset.fingerprint import Fingerprint
from pipeline.core.dataset.index import DatasetIndex
from pipeline.core.dataset.labels.files import LabelFiles
from pipeline.core.dataset.labels.table import join_tables
from pipeline.core.dataset.loading import Loading
from pipeline.core.dataset.report import MAX_FINDINGS, BoxTable, DatasetReport, ResolvedEntry
from pipeline.core.dataset.snapshot import Snapshot
from pipeline.core.findings import Finding, capped
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
        The label files.
    """

    report: DatasetReport
    boxes: dict[str, BoxTable]
    labels: LabelFiles


def inspect(
    tree: Tree,
    dataset: Dataset,
    index: DatasetIndex,
    before: Snapshot | None,
    watch: Watch,
    *,
    deep: bool,
    loading: Loading,
) -> Inspection:
    """Read what the index does not have, and work out everything that is said about a dataset.

    Parameters
    ----------
    before
        What the files were when the index was written; None when there is none.
    deep
        Open the images too.
    loading
        What of it counts.

    Raises
    ------
    Stopped
        `watch` raised it.
    """
    listed, found = list_splits(tree, dataset)
    found = [*dataset.findings, *found]
    images = {split: loading.images(split, paths) for split, paths in listed.items()}
    marks, sizes = Marks(list), {}
    checks = open_images(images, watch, index.checked_images) if deep else {}
    found += check_channels(tree.volume, dataset, images)
    if deep:
        found += check_contents(tree.volume, images, checks, marks)
        sizes = {split: count_sizes(paths, checks) for split, paths in images.items()}
    labels = LabelFiles(
        tree,
        loading.class_count(dataset.names),
        dataset.keypoint_columns,
        index.labels(before) if before else None,
    )
    counted, fingerprint = _count(tree, dataset, images, labels, checks, found, watch, loading)
    found += check_shared(tree.volume, images, marks)
    found += check_orphans(tree, dataset, images, labels.names)
    report = _report(tree, dataset, images, counted, found, loading)
    report = replace(report, fingerprint=fingerprint, image_sizes=sizes)
    return Inspection(report, _box_tables(images, counted, marks), labels)


def _count(
    tree: Tree,
    dataset: Dataset,
    images: dict[str, list[str]],
    labels: LabelFiles,
    checks: Mapping[str, ImageCheck],
    found: list[Finding],
    watch: Watch,
    loading: Loading,
) -> tuple[dict[str, Counted], str]:
    """Count each split's labels, and give the dataset's fingerprint."""
    damaged = frozenset(path for path, check in checks.items() if check.mistake)
    counted, fingerprint = dict[str, Counted](), Fingerprint(dataset)
    for split, paths in images.items():
        fingerprint.start(split, len(paths))
        blocks = []
        for block in labels.read(paths, found, watch):
            fingerprint.add(block.images, block.digests)
            blocks.append(block.table)
        table = loading.labels(join_tables(blocks))
        counted[split] = count_split(tree, dataset, split, paths, table, damaged)
        found += counted[split].findings
    return counted, str(fingerprint)


def _report(
    tree: Tree,
    dataset: Dataset,
    images: dict[str, list[str]],
    counted: dict[str, Counted],
    found: list[Finding],
    loading: Loading,
) -> DatasetReport:
    """Say what was counted and found, with what only the whole dataset tells."""
    splits = {split: entry.counts for split, entry in counted.items()}
    tables = {split: entry.table for split, entry in counted.items()}
    task, class_folders, about_task = check_task(dataset, images, tables)
    # What is said of the task explains what the splits' findings say.
    absent = check_classes(dataset, splits, loading.expected(dataset.names))
    found = [*about_task, *found, *absent, *tree.problems()]
    return DatasetReport(
        data=dataset.file.name,
        names=dataset.names,
        splits=splits,
        all_findings=tuple(capped(found, MAX_FINDINGS)),
        base_note=dataset.base_note,
        task=task,
        boxes={split: entry.stats for split, entry in counted.items()},
        resolved={
            split: tuple(
                ResolvedEntry(entry.written, tree.volume.relative(entry.path), entry.rule)
                for entry in entries
            )
            for split, entries in dataset.splits.items()
        },
        class_folders=class_folders,
    )


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
