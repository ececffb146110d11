"""The labels of many images as one table, read as `parse_label` reads each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.core.label_text import parse_plain
from pipeline.core.labels import Label, parse_label

MISSING = Label(lines=-1)
# For fewer files the import of polars takes longer than it saves.
_FEW = 500
# Files read at once: their numbers then fit into some ten megabytes.
_BLOCK = 8000


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
    if len(files) <= _FEW:
        return _table(files, [], class_count, keypoint_columns)
    parts = []
    for start in range(0, len(files), _BLOCK):
        block = files[start : start + _BLOCK]
        at = [index for index, file in enumerate(block) if isinstance(file, bytes)]
        parts.append(_table(block, at, class_count, keypoint_columns))
    return _joined(parts)


def _table(
    files: Sequence[bytes | Label], at: list[int], class_count: int, keypoint_columns: int
) -> LabelTable:
    """Read the files `at` by columns where that is possible, and all others line by line."""
    texts = [file for index in at if isinstance(file := files[index], bytes)]
    plain = parse_plain(texts, class_count, keypoint_columns)
    places = np.array(at, np.int64)
    is_read = np.zeros(len(files), bool)
    is_read[places[plain.is_plain]] = True
    labels = {
        index: file if isinstance(file, Label) else parse_label(file, class_count, keypoint_columns)
        for index, file in enumerate(files)
        if not is_read[index]
    }
    lines = np.zeros(len(files), np.int32)
    lines[places] = plain.lines
    lines[list(labels)] = [label.lines for label in labels.values()]
    image = np.repeat(list(labels), [len(label.classes) for label in labels.values()])
    image = np.concatenate([places[plain.file], image]).astype(np.int32)
    classes = [label.classes for label in labels.values()]
    numbers = [label.numbers for label in labels.values()]
    order = np.argsort(image, kind="stable")
    return LabelTable(
        image=image[order],
        class_id=np.concatenate([plain.table[:, 0], *classes]).astype(np.int32)[order],
        boxes=np.concatenate([plain.table[:, 1:], *[x.boxes for x in labels.values()]])[order],
        line=np.concatenate([plain.line, *numbers]).astype(np.int32)[order],
        lines=lines,
        polygons=plain.polygons + sum(label.polygons for label in labels.values()),
        quads=plain.quads + sum(label.quads for label in labels.values()),
        odd={i: label for i, label in labels.items() if label.mistakes or label.duplicates},
    )


def _joined(parts: list[LabelTable]) -> LabelTable:
    starts = np.cumsum([0, *(len(part.lines) for part in parts)]).tolist()
    return LabelTable(
        image=np.concatenate(
            [part.image + np.int32(at) for part, at in zip(parts, starts, strict=False)]
        ),
        class_id=np.concatenate([part.class_id for part in parts]),
        boxes=np.concatenate([part.boxes for part in parts]),
        line=np.concatenate([part.line for part in parts]),
        lines=np.concatenate([part.lines for part in parts]),
        polygons=sum(part.polygons for part in parts),
        quads=sum(part.quads for part in parts),
        odd={
            at + index: label
            for part, at in zip(parts, starts, strict=False)
            for index, label in part.odd.items()
        },
    )
