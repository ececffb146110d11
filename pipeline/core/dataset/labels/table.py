"""The labels of many images as one table, read as `parse_label` reads each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.core.dataset.labels.lines import BOXES, POLYGONS, QUADS, Label, parse_label
from pipeline.core.dataset.labels.text import parse_plain

MISSING = Label(lines=-1)
# For fewer files the import of polars takes longer than it saves.
_FEW = 500


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
    kind
        For each image what its lines are: `BOXES`, `POLYGONS` or `QUADS`; uint8.
    odd
        By the image's index: labels with mistakes or duplicates.
    """

    image: NDArray[np.int32]
    class_id: NDArray[np.int32]
    boxes: NDArray[np.float32]
    line: NDArray[np.int32]
    lines: NDArray[np.int32]
    kind: NDArray[np.uint8]
    odd: dict[int, Label] = field(default_factory=dict)

    @cached_property
    def per_image(self) -> NDArray[np.intp]:
        """Number of boxes of each image."""
        return np.bincount(self.image, minlength=len(self.lines))

    @cached_property
    def _first(self) -> NDArray[np.intp]:
        """Index of each image's first box."""
        return np.cumsum(self.per_image) - self.per_image

    def only(self, kept: NDArray[np.bool_]) -> LabelTable:
        """Give some of the boxes; of the images, which stay, it says what it did."""
        image, class_id = self.image[kept], self.class_id[kept]
        boxes, line = self.boxes[kept], self.line[kept]
        return replace(self, image=image, class_id=class_id, boxes=boxes, line=line)

    def take(self, images: NDArray[np.intp]) -> LabelTable:
        """Give the table of some of the images, in that order; -1 is an image without label."""
        is_there = images >= 0
        some = images[is_there]
        counts = np.zeros(len(images), np.intp)
        counts[is_there] = self.per_image[some]
        before = np.cumsum(counts) - counts
        rows = np.arange(counts.sum())
        rows += np.repeat(self._first[some] - before[is_there], counts[is_there])
        lines = np.full(len(images), MISSING.lines, np.int32)
        kind = np.full(len(images), BOXES, np.uint8)
        lines[is_there], kind[is_there] = self.lines[some], self.kind[some]
        places = enumerate(images.tolist() if self.odd else ())
        return LabelTable(
            image=np.repeat(np.arange(len(images), dtype=np.int32), counts),
            class_id=self.class_id[rows],
            boxes=self.boxes[rows],
            line=self.line[rows],
            lines=lines,
            kind=kind,
            odd={at: self.odd[index] for at, index in places if index in self.odd},
        )

    def put(self, images: NDArray[np.intp], other: LabelTable) -> LabelTable:
        """Give the table with other labels for some images, ascending, that have no boxes here."""
        image = np.concatenate([self.image, images[other.image].astype(np.int32)])
        order = np.argsort(image, kind="stable")
        lines, kind = self.lines.copy(), self.kind.copy()
        lines[images], kind[images] = other.lines, other.kind
        return LabelTable(
            image=image[order],
            class_id=np.concatenate([self.class_id, other.class_id])[order],
            boxes=np.concatenate([self.boxes, other.boxes])[order],
            line=np.concatenate([self.line, other.line])[order],
            lines=lines,
            kind=kind,
            odd=self.odd | {int(images[index]): label for index, label in other.odd.items()},
        )


def parse_labels(
    files: Sequence[bytes | Label], class_count: int, keypoint_columns: int = 0
) -> LabelTable:
    """Read label files as `parse_label` does, all of them at once.

    Parameters
    ----------
    files
        Content of the label file of each image, or what is said in its place: `MISSING`, or a
        label with a mistake when nobody may read the file. Some thousand of them: what is made of
        their texts on the way is many times as large.
    class_count, keypoint_columns
        See `parse_label`.
    """
    if len(files) <= _FEW:
        return _line_by_line(files, class_count, keypoint_columns)
    texts = [file if isinstance(file, bytes) else b"" for file in files]
    plain = parse_plain(texts, class_count, keypoint_columns)
    table = LabelTable(
        image=plain.file.astype(np.int32),
        class_id=plain.table[:, 0].astype(np.int32),
        boxes=plain.table[:, 1:],
        line=plain.line.astype(np.int32),
        lines=plain.lines.astype(np.int32),
        kind=plain.kind,
    )
    others = [
        index
        for index, is_plain in enumerate(plain.is_plain.tolist())
        if not is_plain or not isinstance(files[index], bytes)
    ]
    if not others:
        return table
    rest = _line_by_line([files[index] for index in others], class_count, keypoint_columns)
    return table.put(np.array(others, np.intp), rest)


def join_tables(parts: Sequence[LabelTable]) -> LabelTable:
    """Put tables of successive images one behind the other."""
    if not parts:
        return _line_by_line([], 0, 0)
    starts = np.cumsum([0, *(len(part.lines) for part in parts)]).tolist()
    return LabelTable(
        image=np.concatenate(
            [part.image + np.int32(at) for part, at in zip(parts, starts, strict=False)]
        ),
        class_id=np.concatenate([part.class_id for part in parts]),
        boxes=np.concatenate([part.boxes for part in parts]),
        line=np.concatenate([part.line for part in parts]),
        lines=np.concatenate([part.lines for part in parts]),
        kind=np.concatenate([part.kind for part in parts]),
        odd={
            at + index: label
            for part, at in zip(parts, starts, strict=False)
            for index, label in part.odd.items()
        },
    )


def _line_by_line(
    files: Sequence[bytes | Label], class_count: int, keypoint_columns: int
) -> LabelTable:
    labels = [
        file if isinstance(file, Label) else parse_label(file, class_count, keypoint_columns)
        for file in files
    ]
    counts = [len(label.classes) for label in labels]
    kinds = [QUADS if x.quads else POLYGONS if x.polygons else BOXES for x in labels]
    return LabelTable(
        image=np.repeat(np.arange(len(labels), dtype=np.int32), counts),
        class_id=np.array([each for label in labels for each in label.classes], np.int32),
        boxes=np.concatenate([np.empty((0, 4), np.float32), *(label.boxes for label in labels)]),
        line=np.array([number for label in labels for number in label.numbers], np.int32),
        lines=np.array([label.lines for label in labels], np.int32),
        kind=np.array(kinds, np.uint8),
        odd={i: label for i, label in enumerate(labels) if label.mistakes or label.duplicates},
    )
