"""Whether runs used the same data, and how far that was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from pipeline.actions.runs.find import record_of
from pipeline.core.dataset.fingerprint import is_comparable
from pipeline.core.dataset.image_files import ImageFiles
from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_json
from pipeline.core.volume.run_folder import RunFolder


class SameData(Enum):
    """What is known of the data of some runs; the text says what was compared."""

    UNKNOWN = "unknown", "Labels and lists are not recorded for all of these runs."
    DIFFERENT = "different", "Labels or lists differ."
    LABELS = "labels", "The same labels and lists; images were not compared."
    SIZES = "sizes", "The same labels and lists, but images of other sizes: some were replaced."
    TIMES = "times", "The same labels, lists and image sizes, at other times: perhaps a copy."
    IMAGES = "images", "The same labels, lists, and image sizes and times."

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text


def same_data(folders: Sequence[RunFolder | None]) -> SameData:
    """Hold the records of runs against one another; one that is missing leaves less to say."""
    records = [record_of(folder) if folder else None for folder in folders]
    labels = [record.dataset_fingerprint if record else "" for record in records]
    if not all(map(is_comparable, labels)):
        return SameData.UNKNOWN
    if len(set(labels)) > 1:
        return SameData.DIFFERENT
    images = [_images(folder.images) if folder else None for folder in folders]
    known = [each for each in images if each]
    if len(known) < len(images):
        return SameData.LABELS
    if len({each.sizes for each in known}) > 1:
        return SameData.SIZES
    return SameData.TIMES if len({each.times for each in known}) > 1 else SameData.IMAGES


def _images(path: Path) -> ImageFiles | None:
    """Read what verify wrote; None for a run from before it did."""
    try:
        return ImageFiles(**read_json(path, None))
    except (SlipwayError, OSError, ValueError, TypeError):
        return None
