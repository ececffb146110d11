"""What a dataset holds and what is wrong with it, in the numbers that Ultralytics trains on.

The four questions that the rest of Slipway asks: `load_dataset`, `inspect_dataset`,
`fingerprint` and `write_verified_data`.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.data_yaml import Dataset, Entry, as_finding, load_dataset, parse_dataset
from pipeline.core.dataset_checks import (
    check_classes,
    check_contents,
    check_orphans,
    check_shared,
)
from pipeline.core.errors import InputError, SlipwayError
from pipeline.core.files import write_atomic
from pipeline.core.findings import Finding, capped, has_errors
from pipeline.core.snapshot import Snapshot, take_snapshot
from pipeline.core.split_counts import SplitCounts, count_split
from pipeline.core.splits import Tree, list_images, list_lines
from pipeline.core.volume import Volume

__all__ = [
    "Dataset",
    "DatasetReport",
    "fingerprint",
    "inspect_dataset",
    "load_dataset",
    "write_verified_data",
]


@dataclass(frozen=True)
class DatasetReport:
    """Class distribution and findings of a dataset.

    Parameters
    ----------
    data
        The data yaml, relative to the volume.
    names
        Class id to name.
    splits
        Counts of train, val and test, as far as they are given.
    findings
        By severity; at most 20 of a code, then one that counts the rest.
    base_note
        Where relative paths start.
    fingerprint
        Digest of split lists and labels; empty when the yaml is not acceptable.
    task
        ``detect``, ``segment`` (polygons, which a detector takes as boxes) or ``pose``.
    """

    data: str
    names: dict[int, str] = field(default_factory=dict)
    splits: dict[str, SplitCounts] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    base_note: str = ""
    fingerprint: str = ""
    task: str = "detect"

    @property
    def ok(self) -> bool:
        """Whether nothing stops a launch."""
        return not has_errors(self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Give the JSON document of ``inspect``."""
        return {
            "data": self.data,
            "ok": self.ok,
            "task": self.task,
            "base": self.base_note,
            "fingerprint": self.fingerprint,
            "names": {str(index): name for index, name in self.names.items()},
            "splits": {name: asdict(counts) for name, counts in self.splits.items()},
            "findings": [finding.as_dict() for finding in self.findings],
        }


@dataclass(frozen=True)
class _Kept:
    """A report with what it was made from."""

    dataset: Dataset
    snapshot: Snapshot
    report: DatasetReport


_MAX_KEPT = 16
_kept: dict[tuple[Volume, str], _Kept] = {}


def inspect_dataset(volume: Volume, data: str, *, deep: bool = False) -> DatasetReport:
    """Count a dataset and look for everything that would stop or spoil a training.

    Parameters
    ----------
    data
        The data yaml, relative to the volume.
    deep
        Open the images too: damaged ones, and the same content in two splits. Without it, a report
        of this process is given again as long as no folder, list or label that it was made from
        changed: every call looks at their times, so that a count is never an old one.

    Returns
    -------
    DatasetReport
        Whatever the dataset holds; content that is not acceptable becomes findings.
    """
    try:
        dataset = load_dataset(volume, data)
    except InputError as reason:
        findings = list(reason.findings) or [as_finding(reason, "data-invalid")]
        return DatasetReport(data, findings=capped(findings))
    except SlipwayError as reason:
        return DatasetReport(data, findings=[as_finding(reason, "data-missing")])
    if deep:
        return _inspect(volume, dataset, Tree(volume), deep=True)
    key = (volume, data)
    kept = _kept.get(key)
    if kept and kept.dataset == dataset and kept.snapshot.is_current:
        return kept.report
    tree, read_at_ns = Tree(volume), time.time_ns()
    report = _inspect(volume, dataset, tree, deep=False)
    snapshot = take_snapshot(*_read_from(tree, dataset), read_at_ns)
    if snapshot:
        _kept[key] = _Kept(dataset, snapshot, report)
        if len(_kept) > _MAX_KEPT:
            _kept.pop(next(iter(_kept)), None)  # another thread may have been faster
    return report


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
        count_split(tree, dataset, split, images, frozenset(), digest)
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


def _inspect(volume: Volume, dataset: Dataset, tree: Tree, *, deep: bool) -> DatasetReport:
    found = list(dataset.findings)
    images: dict[str, list[str]] = {}
    for split in dataset.splits:
        images[split], listed = list_images(tree, dataset, split)
        found += listed
    damaged = check_contents(volume, images, found) if deep else frozenset()
    digest = hashlib.sha256()
    splits, polygons = {}, False
    for split, paths in images.items():
        counted = count_split(tree, dataset, split, paths, damaged, digest)
        splits[split], polygons = counted.counts, polygons or counted.polygons
        found += counted.findings
    found += check_shared(volume, images)
    found += check_orphans(tree, dataset, images)
    found += check_classes(dataset, splits)
    found += tree.problems()
    return DatasetReport(
        data=dataset.file.name,
        names=dataset.names,
        splits=splits,
        findings=capped(found),
        base_note=dataset.base_note,
        fingerprint=digest.hexdigest(),
        task="pose" if dataset.keypoint_columns else "segment" if polygons else "detect",
    )


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
