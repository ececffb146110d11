"""What only shows when the splits of a dataset are looked at together."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Set

from pipeline.core import findings as say
from pipeline.core.dataset.checks.counts import SplitCounts
from pipeline.core.dataset.files.data_yaml import Dataset, shown
from pipeline.core.dataset.files.images import Folder, folder_of, image_names, label_folder
from pipeline.core.dataset.files.splits import Tree
from pipeline.core.findings import Finding
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume

# By split and code of a finding, the indexes of the images that have it.
Marks = defaultdict[tuple[str, str], list[int]]

_NOT_LABELS = frozenset({"classes.txt", "notes.txt", "readme.txt", "obj.names.txt"})


def check_shared(volume: Volume, images: Mapping[str, list[str]], marks: Marks) -> list[Finding]:
    """Find images that two splits share, or that one split has twice; `marks` says which."""
    shared: dict[tuple[str, str], list[str]] = defaultdict(list)
    home: dict[tuple[str, str], str] = {}
    common = _common_folders(images)
    for split, paths in images.items() if common else ():
        for index, path in enumerate(paths):
            folder, _, name = path.rpartition("/")
            if folder in common:
                first = home.setdefault((common[folder], name), split)
                if first != split:
                    shared[first, split].append(path)
                    marks[split, "split-overlap"].append(index)
    found = []
    for (first, split), paths in shared.items():
        name = shown(volume, paths[0])
        message = said(
            "{first} and {split} share {count:,} images, first '{name}'.",
            first=first,
            split=split,
            count=len(paths),
            name=name,
        )
        hint = said("Keep an image in one split: else the metrics are too good.")
        found.append(say.warning("split-overlap", message, where=name, count=len(paths), next=hint))
    for split, paths in images.items():
        if len(set(paths)) < len(paths):
            repeated = [path for path, times in Counter(paths).items() if times > 1]
            again = frozenset(repeated)
            marks[split, "image-repeated"] += [i for i, path in enumerate(paths) if path in again]
            name = shown(volume, repeated[0])
            message = said(
                "{split} lists {count:,} images more than once, first '{name}'.",
                split=split,
                count=len(repeated),
                name=name,
            )
            found.append(say.warning("image-repeated", message, where=name, count=len(repeated)))
    return found


def check_orphans(
    tree: Tree, dataset: Dataset, images: Mapping[str, list[str]], read: Mapping[str, Set[str]]
) -> list[Finding]:
    """Find label files that belong to no image; `read` are those that do, by folder."""
    folders = {folder for paths in images.values() for folder in _folders(paths)}
    for entries in dataset.splits.values():
        for entry in entries:
            if entry.path.is_dir():
                folders |= _below(tree, str(entry.path))
    found = []
    for folder in sorted(folders):
        labels = tree.folder(label_folder(folder))
        others = (labels.files | labels.links) - read.get(labels.path, set())
        names = [name for name in others if _is_label(name)]
        # An image that is in no split has a label too.
        wanted = _label_names(tree.folder(folder)) if names else set()
        if labels.path == folder and not wanted:
            continue  # lists and notes beside folders of images
        for name in sorted(set(names) - wanted):
            where = shown(tree.volume, f"{labels.path}/{name}")
            message = said(
                "the label '{where}' belongs to no image in its images folder.", where=where
            )
            hint = said("Remove it, or bring the image back.")
            found.append(say.warning("label-without-image", message, where=where, next=hint))
    return found


def check_classes(
    dataset: Dataset, splits: Mapping[str, SplitCounts], expected: Set[int]
) -> list[Finding]:
    """Find classes of those expected that do not occur in a split."""
    found = []
    for split, counts in splits.items():
        if not counts.instances:
            if counts.dropped and counts.dropped_images < counts.labels:
                message = said(
                    "{split} has no instance of the classes that are chosen.", split=split
                )
                where, hint = dataset.splits[split][0].where, said("Choose others with 'classes'.")
                found.append(say.warning("class-absent", message, where=where, next=hint))
            continue
        for (index, name), of_class in zip(
            dataset.names.items(), counts.classes.values(), strict=True
        ):
            if index in expected and not of_class.instances:
                message = said(
                    "class {index} '{name}' does not occur in {split}.",
                    index=index,
                    name=name,
                    split=split,
                )
                hint = said("Add images that show it, or remove the class.")
                where = dataset.file.where("names", index)
                found.append(say.warning("class-absent", message, where=where, next=hint))
    return found


def _is_label(name: str) -> bool:
    return name.endswith(".txt") and name[0] != "." and name.lower() not in _NOT_LABELS


def _label_names(folder: Folder) -> set[str]:
    images = [*image_names(folder.files), *image_names(folder.links)]
    return {f"{name.rpartition('.')[0]}.txt" for name in images}


def _folders(paths: list[str]) -> set[str]:
    return set(map(folder_of, paths))


def _common_folders(images: Mapping[str, list[str]]) -> dict[str, str]:
    """Give the folders that several splits have images in, with where each leads to."""
    folders = {split: _folders(paths) for split, paths in images.items()}
    # A list may go through a link.
    leads = {folder: os.path.realpath(folder) for group in folders.values() for folder in group}
    splits = Counter(real for group in folders.values() for real in {leads[f] for f in group})
    return {folder: real for folder, real in leads.items() if splits[real] > 1}


def _below(tree: Tree, top: str) -> set[str]:
    """Give the folder and the subfolders that its labels have."""
    folders, pending = {top}, [""]
    labels = label_folder(top)
    while pending:
        tail = pending.pop()
        for name in tree.folder(f"{labels}{tail}").folders:
            if name[0] != "." and not os.path.islink(f"{labels}{tail}/{name}"):
                folders.add(f"{top}{tail}/{name}")
                pending.append(f"{tail}/{name}")
    return folders
