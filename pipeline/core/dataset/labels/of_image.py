"""The label lines of one image, with where each one lies in the picture."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.dataset.files.data_yaml import outside, shown
from pipeline.core.dataset.files.images import label_path, read_small
from pipeline.core.dataset.labels.lines import BOX_COLUMNS, parse_label
from pipeline.core.errors import InputError, UnsafePath
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume

MAX_LABEL_BYTES = 8 << 20
_SHOWN_CHARACTERS = 200

Point = tuple[float, float]


@dataclass(frozen=True)
class LabelLine:
    """One line of a label file.

    Parameters
    ----------
    number
        From 1.
    text
        As it stands in the file, cut to a readable length.
    class_id
        None when it cannot be read.
    box
        Left, top, width and height as shares of the image; None when it cannot be drawn.
    polygon, keypoints
        Corners (x, y) of a segment or an oriented box, and visible points of a pose.
    mistake
        Why the training does not use the line; empty when nothing is wrong with it.
    """

    number: int
    text: str
    class_id: int | None = None
    box: tuple[float, float, float, float] | None = None
    polygon: tuple[Point, ...] = ()
    keypoints: tuple[Point, ...] = ()
    mistake: str = ""


@dataclass(frozen=True)
class ImageLabels:
    """What is said about one image.

    Parameters
    ----------
    path
        The label file, as people see it.
    is_there
        Whether there is such a file; without one the image is a background.
    lines
        Its lines that are not empty.
    is_dropped
        Whether the training leaves the image out because of a line.
    """

    path: str
    is_there: bool = True
    lines: tuple[LabelLine, ...] = field(default=())
    is_dropped: bool = False


def read_image_labels(
    volume: Volume, image: str, class_count: int, keypoint_columns: int = 0
) -> ImageLabels:
    """Read the label file of an image.

    Parameters
    ----------
    image
        Absolute path.
    class_count, keypoint_columns
        See `pipeline.core.dataset.labels.lines.parse_label`.

    Raises
    ------
    UnsafePath
        The label lies outside volume and data roots, or is no plain file.
    InputError
        It cannot be read, or is larger than `MAX_LABEL_BYTES`.
    """
    path = label_path(image)
    name = shown(volume, path)
    data = _read(volume, path, name)
    if data is None:
        return ImageLabels(name, is_there=False)
    label = parse_label(data, class_count, keypoint_columns)
    wrong = {mistake.line: mistake.message for mistake in label.mistakes}
    wrong |= {line: said("repeats line {first}", first=first) for line, first in label.duplicates}
    rows = enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1)
    lines = tuple(
        _line(number, text, keypoint_columns, wrong.get(number, ""))
        for number, text in rows
        if text.strip()
    )
    return ImageLabels(name, lines=lines, is_dropped=bool(label.mistakes))


def _read(volume: Volume, path: str, name: str) -> bytes | None:
    if not volume.allows_data(Path(path)):
        finding = outside(volume, path, name)
        raise UnsafePath(finding.message, where=name, next=finding.next)
    if not os.path.exists(path):
        return None
    if not os.path.isfile(path):
        raise UnsafePath(
            said("the label is not a plain file."), where=name, next=said("Remove it.")
        )
    try:
        if os.path.getsize(path) > MAX_LABEL_BYTES:
            message = said(
                "the label file has more than {most} MiB.",
                most=MAX_LABEL_BYTES >> 20,
            )
            raise InputError(message, where=name, next=said("Check that this is the right file."))
        return read_small(path)
    except OSError as reason:
        message = said("the label cannot be read: {reason}.", reason=reason.strerror)
        raise InputError(message, where=name) from reason


def _line(number: int, text: str, keypoint_columns: int, mistake: str) -> LabelLine:
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
    try:
        values = [float(column) for column in text.split()]
    except ValueError:
        return LabelLine(number, cut, mistake=mistake)
    is_whole = values[0].is_integer() and values[0] >= 0
    class_id = int(values[0]) if is_whole else None
    box: tuple[float, float, float, float] | None = None
    polygon: tuple[Point, ...] = ()
    keypoints: tuple[Point, ...] = ()
    if all(math.isfinite(value) for value in values):
        if keypoint_columns and len(values) == BOX_COLUMNS + keypoint_columns:
            keypoints = _keypoints(values[BOX_COLUMNS:], keypoint_columns)
            box = _box(values)
        elif len(values) == BOX_COLUMNS:
            box = _box(values)
        elif len(values) > BOX_COLUMNS + 1 and len(values) % 2:
            polygon = tuple(zip(values[1::2], values[2::2], strict=True))
            box = _bounds(polygon)
    return LabelLine(number, cut, class_id, box, polygon, keypoints, mistake)


def _box(values: list[float]) -> tuple[float, float, float, float]:
    x, y, width, height = values[1:BOX_COLUMNS]
    return x - width / 2, y - height / 2, width, height


def _bounds(polygon: tuple[Point, ...]) -> tuple[float, float, float, float]:
    xs, ys = zip(*polygon, strict=True)
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def _keypoints(values: list[float], columns: int) -> tuple[Point, ...]:
    """Give the points that are marked; [x, y] or [x, y, visibility], and 0 0 is none."""
    each = 3 if columns % 3 == 0 and all(value in (0, 1, 2) for value in values[2::3]) else 2
    groups = [values[start : start + each] for start in range(0, len(values), each)]
    seen = (group for group in groups if any(group[:2]) and (each == 2 or group[2]))
    return tuple((group[0], group[1]) for group in seen)
