"""Reading the label files of a split's images, and the digest of what was read."""

from __future__ import annotations

import os
from typing import Protocol

from pipeline.core import findings as say
from pipeline.core.data_yaml import Dataset, outside, shown
from pipeline.core.findings import Finding
from pipeline.core.images import label_path, read_small
from pipeline.core.label_table import MISSING
from pipeline.core.labels import Label, Mistake
from pipeline.core.splits import Tree
from pipeline.core.watch import Watch, nobody

_STEP = 2000
_MAX_BYTES = 32 << 20  # of one image: half a million boxes


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def read_labels(
    tree: Tree, images: list[str], found: list[Finding], watch: Watch = nobody
) -> list[bytes | Label]:
    """Read the label file of each image; see `parse_labels` for what stands for those not read.

    What lies outside the volume or is no plain file is added to `found`.
    """
    files: list[bytes | Label] = []
    for start in range(0, len(images), _STEP):
        watch("labels", start, len(images))
        some = images[start : start + _STEP]
        files += [_read(tree, label_path(image), found) for image in some]
    return files


def add_to_digest(
    digest: _Digest, dataset: Dataset, split: str, images: list[str], files: list[bytes | Label]
) -> None:
    """Feed a digest with the images' paths (relative to the dataset's root) and labels' bytes."""
    prefix = f"{os.path.realpath(dataset.root)}/"
    digest.update(f"{split}:{len(images)}\0".encode())
    for image, file in zip(images, files, strict=True):
        size, data = (-1, b"") if isinstance(file, Label) else (len(file), file)
        digest.update(b"%d\0%s\0%s" % (size, os.fsencode(image.removeprefix(prefix)), data))


def _read(tree: Tree, path: str, found: list[Finding]) -> bytes | Label:
    presence = tree.presence(path)
    if presence == "file":
        try:
            return read_small(path, _MAX_BYTES)
        except OSError as reason:
            message = f"the file cannot be read: {reason.strerror}."
            return Label(lines=1, mistakes=(Mistake(1, "label-malformed", message),))
    name = shown(tree.volume, path)
    if presence == "odd":
        message = f"the label '{name}' is not a plain file."
        found.append(say.error("not-a-file", message, where=name, next="Remove it."))
    elif presence == "outside":
        tree.folder(os.path.dirname(path))  # a whole folder outside is told once
        if os.path.islink(path):
            found.append(outside(tree.volume, path, name))
    return MISSING
