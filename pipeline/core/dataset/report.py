"""What an inspection of a dataset gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.dataset.checks.boxes import BoxStats
from pipeline.core.dataset.checks.counts import SplitCounts
from pipeline.core.findings import Finding, capped, has_errors

# Of one code: nobody reads more, and a million of them would take half a gigabyte.
MAX_FINDINGS = 20_000
_SHOWN_SIZES = 20


@dataclass(frozen=True)
class ResolvedEntry:
    """Where an entry of a split leads.

    Parameters
    ----------
    written
        As it stands in the data yaml.
    path
        The folder or txt list: relative to the volume when it lies inside, else absolute.
    rule
        Why it leads there, for people.
    """

    written: str
    path: str
    rule: str


@dataclass(frozen=True)
class DatasetReport:
    """Class distribution, boxes and findings of a dataset.

    Parameters
    ----------
    data
        The data yaml, relative to the volume.
    names
        Class id to name.
    splits
        Counts of train, val and test, as far as they are given.
    all_findings
        By severity; at most `MAX_FINDINGS` of a code, then one that counts the rest.
    base_note
        Where relative paths start.
    fingerprint
        Digest of split lists and labels; empty when the yaml is not acceptable.
    task
        ``detect``, ``segment`` or ``obb`` (polygons, which a detector takes as boxes), ``pose`` or
        ``classify`` (folders of classes without labels).
    boxes
        Sizes, shapes and places of each split's boxes.
    resolved
        Where the entries of each split lead.
    image_sizes
        By split (width, height, images) in px, the most frequent first; empty unless images were
        opened.
    class_folders
        By split the images in each class's folder; empty unless `task` is ``classify``.
    """

    data: str
    names: dict[int, str] = field(default_factory=dict)
    splits: dict[str, SplitCounts] = field(default_factory=dict)
    all_findings: tuple[Finding, ...] = ()
    base_note: str = ""
    fingerprint: str = ""
    task: str = "detect"
    boxes: dict[str, BoxStats] = field(default_factory=dict)
    resolved: dict[str, tuple[ResolvedEntry, ...]] = field(default_factory=dict)
    image_sizes: dict[str, tuple[tuple[int, int, int], ...]] = field(default_factory=dict)
    class_folders: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def findings(self) -> list[Finding]:
        """By severity; at most 20 of a code, then one that counts the rest."""
        return capped(self.all_findings)

    @property
    def ok(self) -> bool:
        """Whether nothing stops a launch."""
        return not has_errors(self.all_findings)

    def as_dict(self) -> dict[str, Any]:
        """Give the JSON document of ``inspect``."""
        return {
            "data": self.data,
            "ok": self.ok,
            "task": self.task,
            "base": self.base_note,
            "fingerprint": self.fingerprint,
            "names": {str(index): name for index, name in self.names.items()},
            "splits": {name: _split(counts) for name, counts in self.splits.items()},
            "boxes": {name: stats.as_dict() for name, stats in self.boxes.items()},
            "resolved": {
                name: [asdict(entry) for entry in entries]
                for name, entries in self.resolved.items()
            },
            "image_sizes": {
                name: [list(size) for size in sizes[:_SHOWN_SIZES]]
                for name, sizes in self.image_sizes.items()
            },
            "class_folders": self.class_folders,
            "findings": [finding.as_dict() for finding in self.findings],
        }


@dataclass(frozen=True)
class BoxTable:
    """The boxes of a split, image by image: what a grid of samples filters and draws.

    Parameters
    ----------
    images
        Absolute paths, sorted.
    image
        For each box the index of its image, ascending; int32.
    class_id
        For each box its class; int32.
    boxes
        Centre x, y, width, height as shares of the image; shape (n, 4), float32.
    marks
        By a finding's code, the indexes of the images that have it, ascending; int32.
    """

    images: list[str]
    image: NDArray[np.int32]
    class_id: NDArray[np.int32]
    boxes: NDArray[np.float32]
    marks: dict[str, NDArray[np.int32]] = field(default_factory=dict)

    def select(
        self, classes: Iterable[int] | None = None, codes: Iterable[str] | None = None
    ) -> NDArray[np.int32]:
        """Give the indexes of images that show one of `classes` and have one of `codes`.

        None stands for any: without both these are all images.
        """
        chosen = np.ones(len(self.images), bool)
        if classes is not None:
            shows = np.isin(self.class_id, np.fromiter(classes, np.int32))
            chosen &= _mask(self.image[shows], len(chosen))
        if codes is not None:
            marked = [self.marks[code] for code in codes if code in self.marks]
            chosen &= _mask(np.concatenate([np.empty(0, np.int32), *marked]), len(chosen))
        return np.flatnonzero(chosen).astype(np.int32)


def _mask(indexes: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    mask = np.zeros(count, bool)
    mask[indexes] = True
    return mask


def _split(counts: SplitCounts) -> dict[str, Any]:
    imbalance = counts.imbalance
    return {**asdict(counts), "imbalance": None if imbalance is None else round(imbalance, 3)}
