"""Reading the label files of images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from pipeline.core import findings as say
from pipeline.core.dataset.files.data_yaml import outside, shown
from pipeline.core.dataset.files.images import folder_of, label_folder, read_small
from pipeline.core.dataset.files.splits import Tree
from pipeline.core.dataset.fingerprint import LABEL_BYTES, digest_labels
from pipeline.core.dataset.labels.kept import KeptLabels
from pipeline.core.dataset.labels.lines import Label, Mistake
from pipeline.core.dataset.labels.table import MISSING, LabelTable, join_tables, parse_labels
from pipeline.core.dataset.slow_volume import over_files
from pipeline.core.findings import Finding
from pipeline.core.said import said
from pipeline.core.watch import Watch, nobody

_STEP = 4000
_MAX_BYTES = 32 << 20  # of one image: half a million boxes
_NEW = -1


@dataclass(frozen=True)
class LabelBlock:
    """What the labels of some successive images hold.

    Parameters
    ----------
    images
        Absolute paths.
    digests
        Of each image's label file; see `digest_labels`.
    table
        What is in them.
    """

    images: list[str]
    digests: NDArray[np.uint8]
    table: LabelTable


class LabelFiles:
    """The label files of a dataset.

    Parameters
    ----------
    tree
        What lies where.
    class_count, keypoint_columns
        See `parse_label`.
    before
        By folder, what was read earlier: what did not change since is not read again.
    """

    def __init__(
        self,
        tree: Tree,
        class_count: int,
        keypoint_columns: int,
        before: Mapping[str, KeptLabels] | None = None,
    ) -> None:
        self._tree, self._parsed_for = tree, (class_count, keypoint_columns)
        self._before = _Before(tree, class_count, before or {})
        self._blocks: list[LabelBlock] = []
        # Which image over all splits a label belongs to, by folder and name.
        self._image: dict[str, dict[str, int]] = {}

    @property
    def names(self) -> dict[str, frozenset[str]]:
        """By folder the label files that images may have, whether they have them or not."""
        return {folder: frozenset(names) for folder, names in self._image.items()}

    def read(
        self, images: list[str], found: list[Finding], watch: Watch = nobody
    ) -> Iterator[LabelBlock]:
        """Read the labels of a split's images, some thousand at a time.

        What lies outside the volume or is no plain file is added to `found`.
        """
        done = sum(len(block.images) for block in self._blocks)
        for start in range(0, len(images), _STEP):
            watch("labels", start, len(images))
            some = images[start : start + _STEP]
            files, kept = list[bytes | Label](), [np.empty(0, np.intp)]
            for folder, group in groupby(some, folder_of):
                skipped = len(folder) + 1
                names = [f"{image[skipped:].rpartition('.')[0]}.txt" for image in group]
                labels = label_folder(folder)
                numbers = range(done, done := done + len(names))
                self._image.setdefault(labels, {}).update(zip(names, numbers, strict=True))
                kept.append(self._before.places(labels, names))
                new = [names[at] for at in np.flatnonzero(kept[-1] == _NEW).tolist()]
                files += _read(self._tree, labels, new, found)
            block = self._block(some, np.concatenate(kept), files)
            self._blocks.append(block)
            yield block

    def keep(self) -> dict[str, KeptLabels]:
        """Give by folder what was read, for the next time."""
        table = join_tables([block.table for block in self._blocks])
        # The last row of both is what a label has that belongs to no image.
        no_digest = np.zeros((1, LABEL_BYTES), np.uint8)
        digests = np.concatenate([*(block.digests for block in self._blocks), no_digest])
        is_odd = np.zeros(len(digests), bool)
        is_odd[list(table.odd)] = True
        kept = {}
        for folder, image in self._image.items():
            state, plain = self._tree.state(folder), self._tree.plain_files(folder)
            at = [image.get(name, _NEW) if name in plain else _NEW for name in state.names]
            images = np.array(at, np.intp)
            is_known = (images != _NEW) & ~is_odd[images]
            kept[folder] = KeptLabels(state, is_known, digests[images], table.take(images))
        return kept

    def _block(
        self, images: list[str], kept: NDArray[np.intp], files: list[bytes | Label]
    ) -> LabelBlock:
        """Put together what is kept and the files that are new."""
        new = np.flatnonzero(kept == _NEW)
        table = parse_labels(files, *self._parsed_for)
        digests = digest_labels(files)
        if len(new) == len(images):
            return LabelBlock(images, digests, table)
        every, known = self._before.digests[kept], self._before.table.take(kept)
        every[new] = digests
        return LabelBlock(images, every, known.put(new, table) if files else known)


class _Before:
    """What is still true of what was read earlier, the files of all folders behind each other."""

    def __init__(self, tree: Tree, class_count: int, folders: Mapping[str, KeptLabels]) -> None:
        self._tree, self._class_count, self._folders = tree, class_count, folders
        starts = np.cumsum([0, *(len(kept.is_known) for kept in folders.values())]).tolist()
        self._starts = dict(zip(folders, starts, strict=False))
        self._known: dict[str, dict[str, int]] = {}

    @cached_property
    def table(self) -> LabelTable:
        return join_tables([kept.table for kept in self._folders.values()])

    @cached_property
    def digests(self) -> NDArray[np.uint8]:
        none = np.empty((0, LABEL_BYTES), np.uint8)
        return np.concatenate([none, *(kept.digests for kept in self._folders.values())])

    def places(self, folder: str, names: list[str]) -> NDArray[np.intp]:
        """Give the row of each of a folder's files; -1 for those to be read."""
        if folder not in self._known:
            self._known[folder] = self._unchanged(folder)
        known = self._known[folder]
        if not known:
            return np.full(len(names), _NEW, np.intp)
        return np.array([known.get(name, _NEW) for name in names], np.intp)

    def _unchanged(self, folder: str) -> dict[str, int]:
        kept = self._folders.get(folder)
        if kept is None or not self._tree.plain_files(folder):
            return {}
        is_same = kept.unchanged(self._tree.state(folder), self._class_count)
        names, start = kept.state.names, self._starts[folder]
        return {names[at]: start + at for at in np.flatnonzero(is_same).tolist()}


def _read(tree: Tree, folder: str, names: list[str], found: list[Finding]) -> list[bytes | Label]:
    plain = tree.plain_files(folder)
    if plain.issuperset(names):
        return _read_plain(tree, folder, names)
    own = [name for name in names if name in plain]
    files = dict(zip(own, _read_plain(tree, folder, own), strict=True))
    return [
        files[name] if name in files else _other(tree, f"{folder}/{name}", found) for name in names
    ]


def _read_plain(tree: Tree, folder: str, names: list[str]) -> list[bytes | Label]:
    if not names:
        return []
    try:
        # By names in an open folder: whole paths take a third longer.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return [_content(f"{folder}/{name}", None) for name in names]
    try:
        texts = tree.read(folder, names, descriptor)
        if texts is not None:
            return [*texts]
        return over_files(names, lambda some: [_content(name, descriptor) for name in some])
    finally:
        os.close(descriptor)


def _content(path: str, folder: int | None) -> bytes | Label:
    try:
        return read_small(path, _MAX_BYTES, folder)
    except OSError as reason:
        message = said("the file cannot be read: {reason}.", reason=reason.strerror)
        return Label(lines=1, mistakes=(Mistake(1, "label-malformed", message),))


def _other(tree: Tree, path: str, found: list[Finding]) -> bytes | Label:
    """Read a label that is no plain file, or say why it is not read."""
    presence = tree.presence(path)
    if presence == "file":  # behind a link
        return _content(path, None)
    if presence == "odd":
        name = shown(tree.volume, path)
        message = said("the label '{name}' is not a plain file.", name=name)
        found.append(say.error("not-a-file", message, where=name, next=said("Remove it.")))
    elif presence == "outside":
        tree.folder(os.path.dirname(path))  # a whole folder outside is told once
        if os.path.islink(path):
            found.append(outside(tree.volume, path, shown(tree.volume, path)))
    return MISSING
