"""What only shows when the splits of a dataset are looked at together."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import lru_cache

from pipeline.core import findings as say
from pipeline.core.data_yaml import Dataset, shown
from pipeline.core.findings import Finding
from pipeline.core.images import is_image, label_folder
from pipeline.core.split_counts import SplitCounts
from pipeline.core.splits import Tree
from pipeline.core.volume import Volume

# By split and code of a finding, the indexes of the images that have it.
Marks = defaultdict[tuple[str, str], list[int]]

_NOT_LABELS = frozenset({"classes.txt", "notes.txt", "readme.txt", "obj.names.txt"})


def check_shared(volume: Volume, images: Mapping[str, list[str]], marks: Marks) -> list[Finding]:
    """Find images that two splits share, or that one split has twice; `marks` says which."""
    home: dict[tuple[str, str], str] = {}
    real_folder = lru_cache(maxsize=None)(os.path.realpath)  # a list may go through a link
    shared: dict[tuple[str, str], list[str]] = defaultdict(list)
    for split, paths in images.items():
        for index, path in enumerate(paths):
            folder, _, name = path.rpartition("/")
            first = home.setdefault((real_folder(folder), name), split)
            if first != split:
                shared[first, split].append(path)
                marks[split, "split-overlap"].append(index)
    found = []
    for (first, split), paths in shared.items():
        name = shown(volume, paths[0])
        message = f"{first} and {split} share {len(paths):,} images, first '{name}'."
        hint = "Keep an image in one split: else the metrics are too good."
        found.append(say.warning("split-overlap", message, where=name, count=len(paths), next=hint))
    for split, paths in images.items():
        repeated = [path for path, times in Counter(paths).items() if times > 1]
        if repeated:
            again = frozenset(repeated)
            marks[split, "image-repeated"] += [i for i, path in enumerate(paths) if path in again]
            name = shown(volume, repeated[0])
            message = f"{split} lists {len(repeated):,} images more than once, first '{name}'."
            found.append(say.warning("image-repeated", message, where=name, count=len(repeated)))
    return found


def check_orphans(tree: Tree, dataset: Dataset, images: Mapping[str, list[str]]) -> list[Finding]:
    """Find label files that belong to no image."""
    folders = {path.rpartition("/")[0] for paths in images.values() for path in paths}
    for entries in dataset.splits.values():
        for entry in entries:
            if entry.path.is_dir():
                folders |= _below(tree, str(entry.path))
    found = []
    for folder in sorted(folders):
        labels = tree.folder(label_folder(folder))
        listing = tree.folder(folder)
        wanted = {
            f"{name.rpartition('.')[0]}.txt"
            for name in listing.files | listing.links
            if is_image(name)
        }
        if labels.path == folder and not wanted:
            continue  # lists and notes beside folders of images
        for name in sorted((labels.files | labels.links) - wanted):
            if name.endswith(".txt") and name.lower() not in _NOT_LABELS:
                where = shown(tree.volume, f"{labels.path}/{name}")
                message = f"the label '{where}' belongs to no image in its images folder."
                hint = "Remove it, or bring the image back."
                found.append(say.warning("label-without-image", message, where=where, next=hint))
    return found


def check_classes(dataset: Dataset, splits: Mapping[str, SplitCounts]) -> list[Finding]:
    """Find classes that do not occur in a split."""
    found = []
    for split, counts in splits.items():
        if not counts.instances:
            continue
        for (index, name), of_class in zip(
            dataset.names.items(), counts.classes.values(), strict=True
        ):
            if not of_class.instances:
                message = f"class {index} '{name}' does not occur in {split}."
                hint = "Add images that show it, or remove the class."
                where = dataset.file.where("names", index)
                found.append(say.warning("class-absent", message, where=where, next=hint))
    return found


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
