"""Reading the label files of a split's images, and the digest of what was read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import groupby
from typing import Protocol

from pipeline.core import findings as say
from pipeline.core.data_yaml import Dataset, outside, shown
from pipeline.core.findings import Finding
from pipeline.core.images import folder_of, label_folder, read_many, read_small
from pipeline.core.label_table import MISSING
from pipeline.core.labels import Label, Mistake
from pipeline.core.snapshot import FolderState
from pipeline.core.splits import Tree
from pipeline.core.watch import Watch, nobody

_STEP = 2000
_MAX_BYTES = 32 << 20  # of one image: half a million boxes


class KeptLabels(Protocol):
    """What was read of a folder of labels earlier."""

    def unchanged(self, now: FolderState) -> dict[str, bytes]:
        """Give the bytes of the files that did not change, by name."""


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


class LabelFiles:
    """The label files of a dataset, each read once.

    Parameters
    ----------
    tree
        What lies where.
    before
        By folder, what was read earlier: what did not change since is not read again.

    Attributes
    ----------
    by_folder
        By folder and name, the bytes of each, or what stands for those not read.
    """

    def __init__(self, tree: Tree, before: Mapping[str, KeptLabels] | None = None) -> None:
        self.by_folder: dict[str, dict[str, bytes | Label]] = {}
        self._tree = tree
        self._before = before or {}
        self._known: dict[str, dict[str, bytes]] = {}

    def read(
        self, images: list[str], found: list[Finding], watch: Watch = nobody
    ) -> list[bytes | Label]:
        """Read the label of each image; see `parse_labels` for what stands for those not read.

        What lies outside the volume or is no plain file is added to `found`.
        """
        files: list[bytes | Label] = []
        for folder, group in groupby(images, folder_of):
            start, labels = len(folder) + 1, label_folder(folder)
            names = [f"{image[start:].rpartition('.')[0]}.txt" for image in group]
            for first in range(0, len(names), _STEP):
                watch("labels", len(files), len(images))
                files += self._read(labels, names[first : first + _STEP], found)
        return files

    def _read(self, folder: str, names: list[str], found: list[Finding]) -> list[bytes | Label]:
        known, read = self._unchanged(folder), self.by_folder.setdefault(folder, {})
        unknown = [name for name in names if name not in known]
        read.update(zip(unknown, _read(self._tree, folder, unknown, found), strict=True))
        if len(unknown) < len(names):
            read.update({name: known[name] for name in names if name in known})
        return [read[name] for name in names]

    def _unchanged(self, folder: str) -> dict[str, bytes]:
        if folder not in self._known:
            before, is_listed = self._before.get(folder), bool(self._tree.plain_files(folder))
            self._known[folder] = (
                before.unchanged(self._tree.state(folder)) if before and is_listed else {}
            )
        return self._known[folder]


def add_to_digest(
    digest: _Digest, dataset: Dataset, split: str, images: list[str], files: list[bytes | Label]
) -> None:
    """Feed a digest with the images' paths (relative to the dataset's root) and labels' bytes."""
    prefix = f"{os.path.realpath(dataset.root)}/"
    digest.update(f"{split}:{len(images)}\0".encode())
    for start in range(0, len(images), _STEP):
        some = [image.removeprefix(prefix) for image in images[start : start + _STEP]]
        paths = os.fsencode("\0".join(some)).split(b"\0")
        entries = zip(paths, files[start : start + _STEP], strict=True)
        digest.update(
            b"".join(
                [
                    b"%d\0%s\0%s" % (len(file), path, file)
                    if isinstance(file, bytes)
                    else b"-1\0%s\0" % path
                    for path, file in entries
                ]
            )
        )


def _read(tree: Tree, folder: str, names: list[str], found: list[Finding]) -> list[bytes | Label]:
    if not names:
        return []
    plain = tree.plain_files(folder)
    try:
        # By names in an open folder: whole paths take a third longer.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return [_other(tree, f"{folder}/{name}", found) for name in names]
    try:
        if plain.issuperset(names) and (texts := read_many(names, descriptor)):
            return list(texts)
        return [
            _content(name, descriptor) if name in plain else _other(tree, f"{folder}/{name}", found)
            for name in names
        ]
    finally:
        os.close(descriptor)


def _content(path: str, folder: int | None) -> bytes | Label:
    try:
        return read_small(path, _MAX_BYTES, folder)
    except OSError as reason:
        message = f"the file cannot be read: {reason.strerror}."
        return Label(lines=1, mistakes=(Mistake(1, "label-malformed", message),))


def _other(tree: Tree, path: str, found: list[Finding]) -> bytes | Label:
    """Read a label that is no plain file, or say why it is not read."""
    presence = tree.presence(path)
    if presence == "file":  # behind a link
        return _content(path, None)
    if presence == "odd":
        name = shown(tree.volume, path)
        message = f"the label '{name}' is not a plain file."
        found.append(say.error("not-a-file", message, where=name, next="Remove it."))
    elif presence == "outside":
        tree.folder(os.path.dirname(path))  # a whole folder outside is told once
        if os.path.islink(path):
            found.append(outside(tree.volume, path, shown(tree.volume, path)))
    return MISSING
