"""The labels of many images as one table, read as `parse_label` reads each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.core.labels import Label, parse_label

MISSING = Label(lines=-1)


@dataclass(frozen=True)
class LabelTable:
    """What the training takes from the labels of many images.

    Parameters
    ----------
    image
        For each box the index of its image, ascending; int32.
    class_id
        For each box its class; int32.
    boxes
        Centre x, y, width, height as shares of the image; shape (n, 4), float32.
    line
        For each box its line in the label file, from 1; int32.
    lines
        For each image the label lines that are not empty; -1 when there is no label file; int32.
    polygons, quads
        Images whose labels are polygons, and those whose polygons have four corners each.
    odd
        By the image's index: labels with mistakes or duplicates.
    """

    image: NDArray[np.int32]
    class_id: NDArray[np.int32]
    boxes: NDArray[np.float32]
    line: NDArray[np.int32]
    lines: NDArray[np.int32]
    polygons: int = 0
    quads: int = 0
    odd: dict[int, Label] = field(default_factory=dict)

    @property
    def per_image(self) -> NDArray[np.intp]:
        """Number of boxes of each image."""
        return np.bincount(self.image, minlength=len(self.lines))


def parse_labels(
    files: Sequence[bytes | Label], class_count: int, keypoint_columns: int = 0
) -> LabelTable:
    """Read label files as `parse_label` does, all of them at once.

    Parameters
    ----------
    files
        Content of the label file of each image, or what is said in its place: `MISSING`, or a
        label with a mistake when nobody may read the file.
    class_count, keypoint_columns
        See `parse_label`.
    """
    labels = [
        file if isinstance(file, Label) else parse_label(file, class_count, keypoint_columns)
        for file in files
    ]
    counts = [len(label.classes) for label in labels]
    return LabelTable(
        image=np.repeat(np.arange(len(files), dtype=np.int32), counts),
        class_id=np.array([index for label in labels for index in label.classes], np.int32),
        boxes=np.concatenate([np.empty((0, 4), np.float32), *[label.boxes for label in labels]]),
        line=np.array([line for label in labels for line in label.numbers], np.int32),
        lines=np.array([label.lines for label in labels], np.int32),
        polygons=sum(label.polygons for label in labels),
        quads=sum(label.quads for label in labels),
        odd={i: label for i, label in enumerate(labels) if label.mistakes or label.duplicates},
    )
