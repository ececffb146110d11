"""The digest of a dataset: its split lists and labels, the same wherever the volume is mounted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.core.dataset.files.data_yaml import Dataset
from pipeline.core.dataset.labels.lines import Label

LABEL_BYTES = hashlib.sha256().digest_size
_NO_LABEL = bytes(LABEL_BYTES)
_BYTES = 20


class Fingerprint:
    """Fed with one split after the other: its number of images, then images and labels."""

    def __init__(self, dataset: Dataset) -> None:
        self._prefix = f"{os.path.realpath(dataset.root)}/"
        self._names = hashlib.sha256()
        self._labels = hashlib.sha256()

    def start(self, split: str, images: int) -> None:
        """Begin a split."""
        self._names.update(f"{split}:{images}\0".encode())

    def add(self, images: Sequence[str], labels: NDArray[np.uint8]) -> None:
        """Take in images of the split (absolute paths) and the digests of their labels."""
        names = "\0".join([image.removeprefix(self._prefix) for image in images])
        self._names.update(os.fsencode(names) + b"\0")
        self._labels.update(labels.tobytes())

    def __str__(self) -> str:
        return hashlib.blake2b(
            self._names.digest() + self._labels.digest(), digest_size=_BYTES
        ).hexdigest()


def digest_labels(files: Sequence[bytes | Label]) -> NDArray[np.uint8]:
    """Give the digest of each label file, shape (files, `LABEL_BYTES`); zeros for one not read."""
    digests = [
        hashlib.sha256(file).digest() if isinstance(file, bytes) else _NO_LABEL for file in files
    ]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, LABEL_BYTES)


def is_comparable(fingerprint: str) -> bool:
    """Say whether a fingerprint was made as they are now; an older one has another length."""
    return len(fingerprint) == 2 * _BYTES
