"""What only shows when the splits of a dataset are looked at together."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from pipeline.core import findings as say
from pipeline.core.data_yaml import Dataset, shown
from pipeline.core.findings import Finding
from pipeline.core.images import check_image, is_image, label_folder, label_path
from pipeline.core.split_counts import SplitCounts
from pipeline.core.splits import Tree
from pipeline.core.volume import Volume

_NOT_LABELS = frozenset({"classes.txt", "notes.txt", "readme.txt", "obj.names.txt"})


def check_shared(volume: Volume, images: Mapping[str, list[str]]) -> list[Finding]:
    """Find images that two splits share, or that one split has twice."""
    home: dict[tuple[str, str], str] = {}
    real_folder = lru_cache(maxsize=None)(os.path.realpath)  # a list may go through a link
    shared: dict[tuple[str, str], list[str]] = defaultdict(list)
    for split, paths in images.items():
        for path in paths:
            folder, name = os.path.split(path)
            first = home.setdefault((real_folder(folder), name), split)
            if first != split:
                shared[first, split].append(path)
    found = []
    for (first, split), paths in shared.items():
        name = shown(volume, paths[0])
        message = f"{first} and {split} share {len(paths):,} images, first '{name}'."
        hint = "Keep an image in one split: else the metrics are too good."
        found.append(say.warning("split-overlap", message, where=name, count=len(paths), next=hint))
    for split, paths in images.items():
        repeated = [path for path, times in Counter(paths).items() if times > 1]
        if repeated:
            name = shown(volume, repeated[0])
            message = f"{split} lists {len(repeated):,} images more than once, first '{name}'."
            found.append(say.warning("image-repeated", message, where=name, count=len(repeated)))
    return found


def check_orphans(tree: Tree, dataset: Dataset, images: Mapping[str, list[str]]) -> list[Finding]:
    """Find label files that belong to no image."""
    folders = {os.path.dirname(path) for paths in images.values() for path in paths}
    for entries in dataset.splits.values():
        for entry in entries:
            if entry.path.is_dir():
                folders |= _below(tree, str(entry.path))
    found = []
    for folder in sorted(folders):
        labels = tree.folder(label_folder(folder))
        listing = tree.folder(folder)
        wanted = {
            os.path.basename(label_path(f"{folder}/{name}"))
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


def check_contents(
    volume: Volume, images: Mapping[str, list[str]], found: list[Finding]
) -> frozenset[str]:
    """Open every image; give those that the training drops.

    Damaged images and the same content in two splits are added to `found`.
    """
    paths = list(dict.fromkeys(path for group in images.values() for path in group))
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        checks = dict(zip(paths, pool.map(check_image, paths), strict=True))
    damaged = set()
    for path, check in checks.items():
        name = shown(volume, path)
        if check.mistake:
            damaged.add(path)
            message = f"the image {check.mistake}; the training leaves it out."
            hint = "Replace the image."
            found.append(say.warning("image-damaged", message, where=name, next=hint))
        elif check.unfinished:
            message = (
                "the JPEG does not end with its end mark; Ultralytics would write the file anew."
            )
            hint = "Save the image again."
            found.append(say.warning("image-unfinished", message, where=name, next=hint))
    first: dict[str, tuple[str, str]] = {}
    for split, group in images.items():
        for path in group:
            digest = checks[path].digest
            before = first.setdefault(digest, (split, path)) if digest else (split, path)
            if before[0] != split and before[1] != path:
                name = shown(volume, before[1])
                message = f"the same content as '{name}' of {before[0]}, in {split}."
                hint = "Keep an image in one split: else the metrics are too good."
                where = shown(volume, path)
                found.append(say.warning("same-content", message, where=where, next=hint))
    return frozenset(damaged)


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
