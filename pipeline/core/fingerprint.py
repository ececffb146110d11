"""The digest of a dataset: its split lists and labels, the same wherever the volume is mounted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from pipeline.core.data_yaml import Dataset
from pipeline.core.labels import Label


class Fingerprint:
    """Fed with one split after the other: its number of images, then images and labels."""

    def __init__(self, dataset: Dataset) -> None:
        self._prefix = f"{os.path.realpath(dataset.root)}/"
        self._digest = hashlib.sha256()

    def start(self, split: str, images: int) -> None:
        """Begin a split."""
        self._digest.update(f"{split}:{images}\0".encode())

    def add(self, images: Sequence[str], files: Sequence[bytes | Label]) -> None:
        """Take in images of the split (absolute paths) and their labels."""
        names = "\0".join([image.removeprefix(self._prefix) for image in images])
        entries = [
            b"%d\0%s\0%s" % (len(file), name, file)
            if isinstance(file, bytes)
            else b"-1\0%s\0" % name
            for name, file in zip(os.fsencode(names).split(b"\0"), files, strict=True)
        ]
        self._digest.update(b"".join(entries))

    def __str__(self) -> str:
        return self._digest.hexdigest()
