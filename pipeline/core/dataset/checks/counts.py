"""Counting a split: images, labels and instances, as Ultralytics' loader keeps them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.core import findings as say
from pipeline.core.class_names import unique_names
from pipeline.core.dataset.checks.boxes import BoxStats, box_stats, tiny
from pipeline.core.dataset.files.data_yaml import Dataset, shown
from pipeline.core.dataset.files.images import label_path
from pipeline.core.dataset.files.splits import Tree
from pipeline.core.dataset.labels.lines import Mistake
from pipeline.core.dataset.labels.table import LabelTable
from pipeline.core.findings import Finding
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume


@dataclass(frozen=True)
class ClassCounts:
    """How often a class occurs: images that show it, instances in them."""

    images: int = 0
    instances: int = 0


@dataclass(frozen=True)
class SplitCounts:
    """What a split holds.

    Parameters
    ----------
    images
        All image files that are there; the training uses all but `dropped_images`.
    labels, backgrounds
        Images with a label file that is not empty, and those with an empty one or none; damaged
        images are no backgrounds.
    instances
        Label lines that the training uses.
    dropped
        Label lines that it does not use: duplicates, and every line of a dropped image.
    dropped_images
        Images left out because of one bad line or a damaged file.
    classes
        By name, also those that do not occur.
    """

    images: int = 0
    labels: int = 0
    backgrounds: int = 0
    instances: int = 0
    dropped: int = 0
    dropped_images: int = 0
    classes: dict[str, ClassCounts] = field(default_factory=dict)

    @property
    def imbalance(self) -> float | None:
        """Instances of the largest class to those of the smallest that occurs; None without any."""
        occurring = [entry.instances for entry in self.classes.values() if entry.instances]
        return max(occurring) / min(occurring) if occurring else None


@dataclass(frozen=True)
class Counted:
    """A split's counts, its boxes, what is wrong with its labels, and which images have that.

    Parameters
    ----------
    marks
        By a finding's code, the indexes of the images that have it.
    """

    counts: SplitCounts
    table: LabelTable
    stats: BoxStats
    findings: list[Finding]
    marks: dict[str, NDArray[np.int32]]


def count_split(
    tree: Tree,
    dataset: Dataset,
    split: str,
    images: list[str],
    table: LabelTable,
    damaged: Set[str],
) -> Counted:
    """Sum up what the labels of a split's images say.

    Parameters
    ----------
    images
        Absolute paths.
    table
        Their labels.
    damaged
        Images that the training drops whatever their labels say.
    """
    dropped = np.zeros(len(images), bool)
    dropped[[index for index, label in table.odd.items() if label.mistakes]] = True
    if damaged:
        dropped |= np.fromiter((image in damaged for image in images), bool, len(images))
        table = table.only(~dropped[table.image])
    counts = _counts(dataset, table, dropped)
    found = _line_findings(tree.volume, images, table)
    found += _tiny_findings(tree.volume, images, table)
    found += _split_findings(tree, dataset, split, counts, images, table)
    stats = box_stats(table.boxes, table.per_image[~dropped])
    return Counted(counts, table, stats, found, _marks(table))


def _counts(dataset: Dataset, table: LabelTable, dropped: NDArray[np.bool_]) -> SplitCounts:
    labels, classes = int((table.lines > 0).sum()), len(dataset.names)
    # One number for each pair of image and class; sorting is far faster than np.unique.
    pairs = np.sort(table.image.astype(np.int64) * classes + table.class_id)
    shown_in = pairs[np.diff(pairs, prepend=-1) > 0] % max(classes, 1)
    in_images = np.bincount(shown_in, minlength=classes).tolist()
    instances = np.bincount(table.class_id, minlength=classes).tolist()
    return SplitCounts(
        images=len(dropped),
        labels=labels,
        backgrounds=int(((table.lines <= 0) & ~dropped).sum()),
        instances=len(table.image),
        dropped=int(table.lines[table.lines > 0].sum()) - len(table.image),
        dropped_images=int(dropped.sum()),
        classes={
            name: ClassCounts(in_images[index], instances[index])
            for index, name in unique_names(dataset.names).items()
        },
    )


def _marks(table: LabelTable) -> dict[str, NDArray[np.int32]]:
    by_code: dict[str, list[int]] = defaultdict(list)
    for index, label in table.odd.items():
        codes = {mistake.code for mistake in label.mistakes}
        for code in codes | ({"label-duplicate"} if label.duplicates else set()):
            by_code[code].append(index)
    marks = {code: np.array(indexes, np.int32) for code, indexes in by_code.items()}
    marks["image-without-label"] = np.flatnonzero(table.lines < 0).astype(np.int32)
    marks["label-empty"] = np.flatnonzero(table.lines == 0).astype(np.int32)
    marks["box-tiny"] = np.unique(table.image[tiny(table.boxes)])
    return {code: indexes for code, indexes in marks.items() if len(indexes)}


def _line_findings(volume: Volume, images: list[str], table: LabelTable) -> list[Finding]:
    found = []
    for index, label in table.odd.items():
        name = shown(volume, label_path(images[index]))
        found += [_duplicate(name, line, first) for line, first in label.duplicates]
        found += [_mistake(name, mistake) for mistake in label.mistakes]
    return found


def _duplicate(name: str, line: int, first: int) -> Finding:
    message = said("the line repeats line {first}; the loader removes it.", first=first)
    return say.warning(
        "label-duplicate", message, where=f"{name}:{line}", next=said("Remove the line.")
    )


def _mistake(name: str, mistake: Mistake) -> Finding:
    where = f"{name}:{mistake.line}"
    if mistake.code == "label-class-unknown":
        hint = said("Correct the class id, or add the class to 'names' in the data yaml.")
        return say.error(mistake.code, mistake.message, where=where, next=hint)
    hint = said("Correct the line: until then the training leaves the whole image out.")
    return say.warning(mistake.code, mistake.message, where=where, next=hint)


def _tiny_findings(volume: Volume, images: list[str], table: LabelTable) -> list[Finding]:
    found = []
    for row in np.flatnonzero(tiny(table.boxes)).tolist():
        name = shown(volume, label_path(images[table.image[row]]))
        width, height = table.boxes[row, 2:].tolist()
        message = said(
            "the box is {width:.2g} x {height:.2g} of the image: less than a pixel at 640.",
            width=width,
            height=height,
        )
        where, hint = f"{name}:{table.line[row]}", said("Correct the box, or remove the line.")
        found.append(say.warning("box-tiny", message, where=where, next=hint))
    return found


def _split_findings(
    tree: Tree,
    dataset: Dataset,
    split: str,
    counts: SplitCounts,
    images: list[str],
    table: LabelTable,
) -> list[Finding]:
    where = dataset.splits[split][0].where
    if not counts.images:
        hint = said("Put images there, or correct '{split}'.", split=split)
        return [
            say.error(
                "split-empty", said("{split} has no images.", split=split), where=where, next=hint
            )
        ]
    if counts.dropped_images == counts.images:
        message = said(
            "every one of {images:,} images of {split} is left out by the training.",
            images=counts.images,
            split=split,
        )
        hint = said("Correct the labels and images listed.")
        return [say.error("split-unusable", message, where=where, next=hint)]
    unlabelled = [images[index] for index in np.flatnonzero(table.lines < 0).tolist()]
    if len(unlabelled) == counts.images:
        expected = shown(tree.volume, label_path(unlabelled[0]))
        message = said(
            "no image of {split} has a label file; the first would be '{expected}'.",
            split=split,
            expected=expected,
        )
        hint = said("Put the labels there: 'images' in a path becomes 'labels'.")
        level = say.error if split == "train" else say.warning
        return [level("no-labels", message, where=where, count=len(unlabelled), next=hint)]
    if unlabelled:
        first = shown(tree.volume, unlabelled[0])
        message = said(
            "{count:,} images of {split} have no label file, first '{first}'.",
            count=len(unlabelled),
            split=split,
            first=first,
        )
        hint = said("An image without objects is fine; give it an empty label file to say so.")
        at = say.warning(
            "image-without-label", message, where=first, count=len(unlabelled), next=hint
        )
        return [at]
    return []
