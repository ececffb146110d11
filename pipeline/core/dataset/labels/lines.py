"""YOLO label files: what Ultralytics' loader keeps of them, and what is wrong by line.

The loader is all or nothing: one bad line drops the whole image from training. Numbers are
compared as float32 with its tolerance of 1 %, so that the counts are those of the training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.said import said

BOX_COLUMNS = 5
QUAD_COLUMNS = 9
# What the lines of a label file are; quads are polygons of four corners.
BOXES, POLYGONS, QUADS = 0, 1, 2
_LOW, _HIGH = np.float32(-0.01), np.float32(1.01)
_Numbered = tuple[int, list[str]]


def _no_boxes() -> NDArray[np.float32]:
    return np.empty((0, 4), np.float32)


@dataclass(frozen=True)
class Mistake:
    """Why a line makes Ultralytics drop the image.

    Parameters
    ----------
    line
        From 1.
    code
        ``label-malformed``, ``label-out-of-range`` or ``label-class-unknown``.
    message
        One sentence that names the value and what is allowed.
    """

    line: int
    code: str
    message: str


@dataclass(frozen=True)
class Label:
    """What a label file holds.

    Parameters
    ----------
    classes
        Class ids of the instances that are kept; empty when there are mistakes.
    lines
        Non-empty lines of the file; 0 makes the image a background.
    duplicates
        (line, line of the first like it), removed by the loader.
    mistakes
        Not empty when the whole image is dropped.
    polygons
        Whether the lines are polygons; training boxes uses their bounds.
    quads
        Whether each of these polygons has four corners, as oriented boxes do.
    boxes
        Of the instances that are kept: centre x, y, width, height as shares of the image,
        shape (n, 4), float32.
    numbers
        Lines of the instances that are kept, from 1.
    """

    classes: tuple[int, ...] = ()
    lines: int = 0
    duplicates: tuple[tuple[int, int], ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    polygons: bool = False
    quads: bool = False
    boxes: NDArray[np.float32] = field(default_factory=_no_boxes, compare=False)
    numbers: tuple[int, ...] = ()


def parse_label(data: bytes, class_count: int, keypoint_columns: int = 0) -> Label:
    """Read a label file as Ultralytics' `verify_image_label` does for boxes.

    Parameters
    ----------
    data
        The file's bytes, UTF-8 with or without byte order mark.
    class_count
        Class ids go from 0 to one less.
    keypoint_columns
        Columns of keypoints in a pose dataset; they are cut off.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        line = data[: reason.start].count(b"\n") + 1
        message = said("byte 0x{value:02x} is not UTF-8.", value=data[reason.start])
        count = sum(1 for row in data.splitlines() if row.strip())
        return Label(lines=count, mistakes=(Mistake(line, "label-malformed", message),))
    numbered = [
        (number, columns)
        for number, line in enumerate(text.splitlines(), 1)
        if (columns := line.split())
    ]
    if not numbered:
        return Label()
    if keypoint_columns:
        numbered = [(n, _without_keypoints(row, keypoint_columns)) for n, row in numbered]
    rows = [columns for _, columns in numbered]
    polygons = any(len(row) > BOX_COLUMNS + 1 for row in rows)
    with np.errstate(over="ignore", invalid="ignore"):  # inf is out of range, not a warning
        tables = _polygons(rows) if polygons else _boxes(rows)
        if tables is not None:
            table = np.stack([_box_of(row) for row in tables]) if polygons else np.stack(tables)
            if valid_rows(table, class_count).all():
                lines = [number for number, _ in numbered]
                label = _without_repeats(table, [row.tobytes() for row in tables], lines)
                quads = polygons and all(len(row) == QUAD_COLUMNS for row in rows)
                return replace(label, polygons=polygons, quads=quads)
        mistakes = tuple(_mistakes(numbered, class_count, polygons=polygons))
    return Label(lines=len(rows), mistakes=mistakes, polygons=polygons)


def valid_rows(table: NDArray[np.float32], class_count: int) -> NDArray[np.bool_]:
    """Say which boxes the loader takes; an image with one that it does not take is dropped.

    Parameters
    ----------
    table
        Class, centre x, y, width, height; shape (n, 5).
    class_count
        Class ids go from 0 to one less.
    """
    # Column by column: reductions along rows of five take five times as long.
    classes, x, y, width, height = table.T
    smallest = np.minimum(width, height)
    lowest = np.minimum(np.minimum(x, y), smallest)
    highest = np.maximum(np.maximum(x, y), np.maximum(width, height))
    # Written so that whatever is compared with NaN is not valid.
    valid: NDArray[np.bool_] = (
        (highest <= _HIGH)
        & ((lowest >= 0) | ((lowest >= _LOW) & (smallest >= 0)))
        & (classes >= 0)
        & (classes == np.floor(classes))
        & (classes < class_count)
    )
    return valid


def bounds(
    points: NDArray[np.float32], starts: NDArray[np.signedinteger[Any]]
) -> NDArray[np.float32]:
    """Give centre and size of polygons' bounds, in float32 as the loader computes them.

    Parameters
    ----------
    points
        x and y of all corners, shape (corners, 2).
    starts
        Index of each polygon's first corner.
    """
    low = np.minimum.reduceat(points, starts, axis=0)
    high = np.maximum.reduceat(points, starts, axis=0)
    return np.concatenate([(low + high) / np.float32(2), high - low], axis=1)


def _without_keypoints(row: list[str], keypoint_columns: int) -> list[str]:
    return row[:BOX_COLUMNS] if len(row) == BOX_COLUMNS + keypoint_columns else row


def _boxes(rows: list[list[str]]) -> list[NDArray[np.float32]] | None:
    """Give each row's numbers; None when one is no box."""
    if any(len(row) != BOX_COLUMNS for row in rows):
        return None
    tables = _numbers(rows)
    # -0 and 0 are the same value, but not the same bytes
    return tables and [table + np.float32(0) for table in tables]


def _polygons(rows: list[list[str]]) -> list[NDArray[np.float32]] | None:
    """Give each row's numbers; None when one is no polygon."""
    if any(len(row) == BOX_COLUMNS or len(row) % 2 == 0 or len(row) < 3 for row in rows):
        return None
    return _numbers(rows)


def _numbers(rows: list[list[str]]) -> list[NDArray[np.float32]] | None:
    try:
        return [np.array(row, dtype=np.float32) for row in rows]
    except ValueError:
        return None


def _box_of(polygon: NDArray[np.float32]) -> NDArray[np.float32]:
    points = polygon[1:].reshape(-1, 2)
    return np.concatenate([polygon[:1], bounds(points, np.zeros(1, np.intp))[0]])


def _without_repeats(table: NDArray[np.float32], keys: list[bytes], lines: list[int]) -> Label:
    first: dict[bytes, int] = {}
    duplicates = []
    for index, key in enumerate(keys):
        if first.setdefault(key, index) != index:
            duplicates.append((lines[index], lines[first[key]]))
    kept = list(first.values())
    return Label(
        classes=tuple(int(value) for value in table[kept, 0].tolist()),
        lines=len(keys),
        duplicates=tuple(duplicates),
        boxes=table[kept, 1:],
        numbers=tuple(lines[index] for index in kept),
    )


def _mistakes(numbered: list[_Numbered], class_count: int, *, polygons: bool) -> Iterator[Mistake]:
    """Say what is wrong by line; only called for files that the loader refuses."""
    for line, row in numbered:
        count = len(row)
        if polygons and count == BOX_COLUMNS:
            yield Mistake(
                line, "label-malformed", said("a box among polygons; a file has one kind.")
            )
        elif polygons and (count % 2 == 0 or count < 3):
            message = said(
                "{count} columns; a polygon has a class and pairs of x and y.", count=count
            )
            yield Mistake(line, "label-malformed", message)
        elif not polygons and count != BOX_COLUMNS:
            message = said(
                "{count} columns instead of {wanted} (class x y width height).",
                count=count,
                wanted=BOX_COLUMNS,
            )
            yield Mistake(line, "label-malformed", message)
        else:
            yield from _value_mistakes(line, row, class_count, polygons=polygons)


def _value_mistakes(
    line: int, row: list[str], class_count: int, *, polygons: bool
) -> Iterator[Mistake]:
    for text in row:
        try:
            float(text)
        except ValueError:
            yield Mistake(
                line, "label-malformed", said("'{value}' is not a number.", value=text[:40])
            )
            return
    table = np.array(row, dtype=np.float32)
    label = _box_of(table) if polygons else table
    class_id = float(label[0])
    if not class_id >= 0 or class_id % 1 != 0:
        message = said("class '{value}' is not a whole number from 0 up.", value=row[0][:40])
        yield Mistake(line, "label-malformed", message)
    elif class_id >= class_count:
        message = said(
            "class {class_id:.0f} does not exist; the data yaml has 0 to {last}.",
            class_id=class_id,
            last=class_count - 1,
        )
        yield Mistake(line, "label-class-unknown", message)
    values = label[1:]
    lowest = _LOW if label[3:].min() >= 0 else np.float32(0)
    wrong = [value for value in values.tolist() if not lowest <= np.float32(value) <= _HIGH]
    if wrong:
        message = said(
            "{value:g} is not within 0 to 1 (shares of the image's width and height).",
            value=wrong[0],
        )
        yield Mistake(line, "label-out-of-range", message)
