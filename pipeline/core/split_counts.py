"""Counting a split: images, labels and instances, as Ultralytics' loader keeps them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.core import findings as say
from pipeline.core.data_yaml import Dataset, outside, shown
from pipeline.core.findings import Finding
from pipeline.core.images import label_path, read_small
from pipeline.core.labels import Label, Mistake, parse_label
from pipeline.core.splits import Tree


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
        Images with a label file that is not empty, and those with an empty one or none.
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


@dataclass(frozen=True)
class Counted:
    """A split's counts, what is wrong with its labels, and whether there are polygons."""

    counts: SplitCounts
    findings: list[Finding]
    polygons: bool


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


@dataclass
class _Tally:
    labels: int = 0
    lines: int = 0
    dropped_images: int = 0
    polygons: bool = False
    instances: Counter[int] = field(default_factory=Counter)
    in_images: Counter[int] = field(default_factory=Counter)
    unlabelled: list[str] = field(default_factory=list)

    def add(self, label: Label, *, is_dropped: bool) -> None:
        self.labels += bool(label.lines)
        self.lines += label.lines
        self.polygons = self.polygons or label.polygons
        self.dropped_images += is_dropped
        if not is_dropped:
            self.instances.update(label.classes)
            self.in_images.update(set(label.classes))


def count_split(
    tree: Tree,
    dataset: Dataset,
    split: str,
    images: list[str],
    damaged: Set[str],
    digest: _Digest,
) -> Counted:
    """Read the labels of a split's images.

    Parameters
    ----------
    images
        Absolute paths.
    damaged
        Images that the training drops whatever their labels say.
    digest
        Fed with the images' paths (relative to the dataset's root) and the labels' bytes.
    """
    found: list[Finding] = []
    tally = _Tally()
    prefix = f"{os.path.realpath(dataset.root)}/"
    digest.update(f"{split}:{len(images)}\0".encode())
    for image in images:
        path = label_path(image)
        data, label = _read(tree, dataset, path, found)
        if data is None and not label.mistakes:
            tally.unlabelled.append(image)
        size, name = -1 if data is None else len(data), os.fsencode(image.removeprefix(prefix))
        digest.update(b"%d\0%s\0%s" % (size, name, data or b""))
        if label.mistakes or label.duplicates:
            found += _line_findings(shown(tree.volume, path), label)
        tally.add(label, is_dropped=bool(label.mistakes) or image in damaged)
    counts = _counts(dataset, len(images), tally)
    found += _split_findings(tree, dataset, split, counts, tally.unlabelled)
    return Counted(counts, found, tally.polygons)


def unique_names(names: dict[int, str]) -> dict[int, str]:
    """Give class names that differ: a repeated one gets its class id behind it."""
    times = Counter(names.values())
    return {
        index: name if times[name] == 1 else f"{name} ({index})" for index, name in names.items()
    }


def _read(
    tree: Tree, dataset: Dataset, path: str, found: list[Finding]
) -> tuple[bytes | None, Label]:
    """Read a label file; None when there is none, a mistake when nobody may read it."""
    presence = tree.presence(path)
    if presence == "file":
        try:
            data = read_small(path)
        except OSError as reason:
            message = f"the file cannot be read: {reason.strerror}."
            return None, Label(lines=1, mistakes=(Mistake(1, "label-malformed", message),))
        return data, parse_label(data, len(dataset.names), dataset.keypoint_columns)
    name = shown(tree.volume, path)
    if presence == "odd":
        message = f"the label '{name}' is not a plain file."
        found.append(say.error("not-a-file", message, where=name, next="Remove it."))
    elif presence == "outside":
        tree.folder(os.path.dirname(path))  # a whole folder outside is told once
        if os.path.islink(path):
            found.append(outside(tree.volume, path, name))
    return None, Label()


def _counts(dataset: Dataset, images: int, tally: _Tally) -> SplitCounts:
    total = tally.instances.total()
    return SplitCounts(
        images=images,
        labels=tally.labels,
        backgrounds=images - tally.labels,
        instances=total,
        dropped=tally.lines - total,
        dropped_images=tally.dropped_images,
        classes={
            name: ClassCounts(tally.in_images[index], tally.instances[index])
            for index, name in unique_names(dataset.names).items()
        },
    )


def _line_findings(name: str, label: Label) -> list[Finding]:
    found = []
    for line, first in label.duplicates:
        message = f"the line repeats line {first}; the loader removes it."
        found.append(
            say.warning("label-duplicate", message, where=f"{name}:{line}", next="Remove the line.")
        )
    for mistake in label.mistakes:
        where = f"{name}:{mistake.line}"
        if mistake.code == "label-class-unknown":
            hint = "Correct the class id, or add the class to 'names' in the data yaml."
            found.append(say.error(mistake.code, mistake.message, where=where, next=hint))
        else:
            hint = "Correct the line: until then the training leaves the whole image out."
            found.append(say.warning(mistake.code, mistake.message, where=where, next=hint))
    return found


def _split_findings(
    tree: Tree, dataset: Dataset, split: str, counts: SplitCounts, unlabelled: list[str]
) -> list[Finding]:
    where = dataset.splits[split][0].where
    if not counts.images:
        hint = f"Put images there, or correct '{split}'."
        return [say.error("split-empty", f"{split} has no images.", where=where, next=hint)]
    if counts.dropped_images == counts.images:
        message = f"every one of {counts.images:,} images of {split} is left out by the training."
        hint = "Correct the labels and images listed."
        return [say.error("split-unusable", message, where=where, next=hint)]
    if len(unlabelled) == counts.images:
        expected = shown(tree.volume, label_path(unlabelled[0]))
        message = f"no image of {split} has a label file; the first would be '{expected}'."
        hint = "Put the labels there: 'images' in a path becomes 'labels'."
        level = say.error if split == "train" else say.warning
        return [level("no-labels", message, where=where, count=len(unlabelled), next=hint)]
    if unlabelled:
        first = shown(tree.volume, unlabelled[0])
        message = f"{len(unlabelled):,} images of {split} have no label file, first '{first}'."
        hint = "An image without objects is fine; give it an empty label file to say so."
        at = say.warning(
            "image-without-label", message, where=first, count=len(unlabelled), next=hint
        )
        return [at]
    return []
