"""The images of a split, found as Ultralytics finds them, without opening anything odd."""

from __future__ import annotations

import os
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from pipeline.core import findings as say
from pipeline.core.dataset.files.base_folder import slash_hint
from pipeline.core.dataset.files.data_yaml import (
    OPTIONAL,
    Dataset,
    Entry,
    as_finding,
    as_warnings,
    outside,
    shown,
)
from pipeline.core.dataset.files.images import Folder, image_names, is_image, read_many, scan_folder
from pipeline.core.dataset.slow_volume import over_files
from pipeline.core.dataset.snapshot import FolderState, Snapshot, stamp_of, stamper, state_of
from pipeline.core.errors import SlipwayError
from pipeline.core.files import decode, read_bytes
from pipeline.core.findings import Finding, Tally
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume

Presence = Literal["file", "missing", "odd", "outside"]
_MAX_LIST_BYTES = 256 << 20
_MAX_BAD_LINES = 1_000_000
_LINE_END = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CODES = {"missing": "image-missing", "odd": "not-a-file", "outside": "outside-volume"}


class Tree:
    """What lies where, each folder listed once; knows what Slipway may read.

    Listing folders tells files from FIFOs and links without a call for each file.

    Parameters
    ----------
    volume
        What may be read.
    seen
        What folders are now, where that was looked at just before; by path.
    """

    def __init__(self, volume: Volume, seen: Mapping[str, FolderState] | None = None) -> None:
        self.volume = volume
        self._read_at_ns = time.time_ns()
        self._stamps = defaultdict[str, dict[str, int]](dict)
        self._folders: dict[str, Folder | None] = {}
        self._states = dict(seen or {})
        self._problems: dict[str, Finding] = {}

    def folder(self, path: str) -> Folder:
        """List a folder; an empty one when it is missing, unreadable or outside."""
        folder = self._listed(path)
        if folder is None and path not in self._problems:
            self._problems[path] = outside(self.volume, path, shown(self.volume, path))
        return folder or Folder(path)

    def plain_files(self, path: str) -> frozenset[str]:
        """Give the names of a folder's regular files; none when it may not be read."""
        folder = self._listed(path)
        return folder.files if folder else frozenset()

    def presence(self, path: str) -> Presence:
        """Say whether a plain file that may be read is at this path."""
        parent, _, name = path.rpartition("/")
        folder = self._listed(parent or "/")
        if folder is None:
            return "outside"
        if name in folder.files:
            return "file"
        if name in folder.odd:
            return "odd"
        if name not in folder.links:
            return "missing"
        if not self.volume.allows_data(Path(path)):
            return "outside"
        return "file" if os.path.isfile(path) else "odd" if os.path.exists(path) else "missing"

    def problems(self) -> list[Finding]:
        """Give what was found wrong with folders so far."""
        return list(self._problems.values())

    def state(self, path: str) -> FolderState:
        """Give the stamps of a folder and of its text files and links."""
        if path not in self._states:
            folder = self._folders[path] or Folder(path)
            names = [name for name in folder.files if name.endswith(".txt")]
            names += folder.links
            self._states[path] = state_of(path, names, self._read_at_ns, self._stamps[path])
        return self._states[path]

    def read(self, path: str, names: list[str], descriptor: int) -> list[bytes] | None:
        """Read small files of a folder, and stamp them; None when one of them cannot be read."""
        stamp = stamper(self._read_at_ns)
        try:
            read = over_files(names, lambda some: read_many(some, descriptor, stamp))
        except OSError:
            return None
        self._stamps[path].update(zip(names, (own for _, own in read), strict=True))
        return [text for text, _ in read]

    def snapshot(self, paths: Iterable[str]) -> Snapshot:
        """Remember what was looked into, and single files and folders."""
        return Snapshot(
            {path: self.state(path) for path in self.folders},
            {path: stamp_of(path, self._read_at_ns) for path in paths},
        )

    @property
    def folders(self) -> list[str]:
        """Give the folders that were looked into so far."""
        return [path for path, folder in self._folders.items() if folder is not None]

    @property
    def has_refused(self) -> bool:
        """Whether a folder was asked for that lies outside the volume and the data roots."""
        return None in self._folders.values()

    def _listed(self, path: str) -> Folder | None:
        if path in self._folders:
            return self._folders[path]
        folder: Folder | None = None
        if self.volume.allows_data(Path(path)):
            try:
                folder = scan_folder(path)
            except (FileNotFoundError, NotADirectoryError):
                folder = Folder(path)
            except OSError as reason:
                folder = Folder(path)
                where = shown(self.volume, path)
                message = said("the folder cannot be read: {reason}.", reason=reason.strerror)
                self._problems[path] = say.error("folder-unreadable", message, where=where)
        self._folders[path] = folder
        return folder


def list_images(tree: Tree, dataset: Dataset, split: str) -> tuple[list[str], list[Finding]]:
    """List a split's images, sorted, as absolute paths; those that cannot be read are findings.

    An image that two entries give is there twice, as in the training.
    """
    images: list[str] = []
    found = Tally()
    for entry in dataset.splits[split]:
        if entry.path.is_dir():
            images += _walk(tree, str(entry.path), found)
        else:
            images += _readable(tree, _listed_images(tree.volume, dataset, entry, found), found)
    return sorted(images), found.all()


def list_splits(tree: Tree, dataset: Dataset) -> tuple[dict[str, list[str]], list[Finding]]:
    """List the images of each split, without one that is optional where it cannot be used."""
    images, found = dict[str, list[str]](), list[Finding]()
    for split, entries in dataset.splits.items():
        listed, mistakes = list_images(tree, dataset, split)
        if listed or split != OPTIONAL:
            images[split] = listed
            found += mistakes
            continue
        message, hint = (
            said("{split} has no images that can be used.", split=split),
            said("Correct or remove '{split}'.", split=split),
        )
        found.append(say.warning("split-empty", message, where=entries[0].where, next=hint))
        found += as_warnings(mistakes)
    return images, found


def list_lines(volume: Volume, dataset: Dataset, entry: Entry) -> Iterator[tuple[int, str]]:
    """Give line number and absolute path of each line of a txt list.

    ``./x`` is relative to the list, ``x`` to the dataset's base or else its root.

    Raises
    ------
    SlipwayError
        The list cannot be read or is not UTF-8.
    """
    name = shown(volume, str(entry.path))
    data = read_bytes(entry.path, shown_as=name, limit_bytes=_MAX_LIST_BYTES)
    base, root = str(dataset.base), str(dataset.root)
    parent = f"{entry.path.parent}/"
    text = decode(data, name)
    del data
    first = text[: len(text) - len(text.lstrip())].count("\n") + 1
    for number, line in enumerate(split_lines(text.strip()), first):
        if line.startswith("./"):
            yield number, parent + line[2:]
        elif line and "\0" not in line:
            path = os.path.join(base, line)
            if base != root and not os.path.isabs(line) and not os.path.exists(path):
                path = os.path.join(root, line)
            yield number, path


def split_lines(text: str) -> Iterator[str]:
    """Split as `str.splitlines` does, one after the other: a list may have 100 million lines."""
    start = 0
    for end in _LINE_END.finditer(text):
        yield text[start : end.start()]
        start = end.end()
    if start < len(text):
        yield text[start:]


def _walk(tree: Tree, top: str, found: Tally) -> Iterator[str]:
    """Yield image paths below a folder; hidden names are left out, links to folders followed."""
    pending = [top]
    while pending:
        folder = tree.folder(pending.pop())
        yield from [f"{folder.path}/{name}" for name in image_names(folder.files)]
        others = image_names([*folder.links, *folder.odd])
        yield from _readable(tree, ((f"{folder.path}/{name}", "") for name in others), found)
        for name in folder.folders:
            path = f"{folder.path}/{name}"
            if name[0] == ".":
                continue
            if os.path.islink(path) and _is_loop(path):
                where = shown(tree.volume, path)
                message = said("the link leads to a folder that contains it; it is not followed.")
                found.append(
                    say.warning("link-loop", message, where=where, next=said("Remove the link."))
                )
                continue
            pending.append(path)


def _is_loop(link: str) -> bool:
    target, parent = os.path.realpath(link), os.path.realpath(os.path.dirname(link))
    return parent == target or parent.startswith(f"{target}/")


def _listed_images(
    volume: Volume, dataset: Dataset, entry: Entry, found: Tally
) -> Iterator[tuple[str, str]]:
    name = shown(volume, str(entry.path))
    if is_image(entry.path.name):
        message = said(
            "'{name}' is an image; a split is a folder of images or a txt list.", name=name
        )
        hint = said("Write the folder's name.")
        found.append(say.error("split-invalid", message, where=entry.where, next=hint))
        return
    try:
        for number, path in list_lines(volume, dataset, entry):
            if is_image(path):
                yield path, f"{name}:{number}"
            elif found.has_room("list-line-ignored"):
                message = said(
                    "'{path}' does not end like an image; the line is left out.", path=path[-60:]
                )
                where = f"{name}:{number}"
                found.append(say.warning("list-line-ignored", message, where=where))
            if found.left_out > _MAX_BAD_LINES:
                found.append(_hopeless(name))
                return
    except SlipwayError as reason:
        found.append(as_finding(reason, "list-unreadable"))


def _readable(tree: Tree, candidates: Iterator[tuple[str, str]], found: Tally) -> Iterator[str]:
    for path, where in candidates:
        presence = tree.presence(path)
        if presence == "file":
            yield path
            continue
        if not found.has_room(_CODES[presence]):
            continue
        name = shown(tree.volume, path)
        where = where or name
        if presence == "outside":
            found.append(outside(tree.volume, path, where))
        elif presence == "odd":
            message = said("'{name}' is not a plain file.", name=name)
            found.append(say.error("not-a-file", message, where=where, next=said("Remove it.")))
        else:
            message = said("the image '{name}' does not exist; it is left out.", name=name)
            hint = slash_hint(path) or said("Correct or remove the line, or bring the image back.")
            found.append(say.warning("image-missing", message, where=where, next=hint))


def _hopeless(name: str) -> Finding:
    message = said(
        "more than {most:,} lines lead to no image; the others are not read.",
        most=_MAX_BAD_LINES,
    )
    hint = said("Correct the list: one image a line, below 'path' or beside the list as './…'.")
    return say.error("list-hopeless", message, where=name, next=hint)
