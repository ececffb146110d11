"""Sizes and times of a dataset's images: what tells that one was replaced, without opening any."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.core.dataset.files.data_yaml import parse_dataset
from pipeline.core.dataset.files.splits import Tree, list_splits
from pipeline.core.dataset.slow_volume import over_files
from pipeline.core.volume.paths import Volume


@dataclass(frozen=True)
class ImageFiles:
    """The images of all splits, each in its place of the lists.

    Parameters
    ----------
    images, bytes
        How many, and how large together.
    sizes, times
        Digests of the files' sizes, and of the times at which they were written. A copy has other
        times, unless it was told to keep them.
    """

    images: int
    bytes: int
    sizes: str
    times: str


def image_files(volume: Volume, data_text: str, data_name: str) -> ImageFiles:
    """Look at the images that a data yaml lists; one that is not there has size and time 0.

    Parameters
    ----------
    data_text, data_name
        See `pipeline.core.dataset.read.write_verified_data`.
    """
    splits, _ = list_splits(Tree(volume), parse_dataset(volume, data_text, data_name))
    files = [file for images in splits.values() for file in over_files(images, _look)]
    sizes, times = ([file[place] for file in files] for place in (0, 1))
    return ImageFiles(len(files), sum(sizes), _digest(sizes), _digest(times))


def _look(images: Sequence[str]) -> list[tuple[int, int]]:
    found = []
    for image in images:
        try:
            status = os.stat(image)
        except OSError:
            found.append((0, 0))
        else:
            found.append((status.st_size, status.st_mtime_ns))
    return found


def _digest(numbers: Sequence[int]) -> str:
    return hashlib.blake2b(" ".join(map(str, numbers)).encode(), digest_size=20).hexdigest()
