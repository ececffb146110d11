"""Which labels a run's model doubts, and in which lines of their files they stand."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from pipeline.actions.installation import Installation
from pipeline.actions.mistakes import image_folder, stored_of
from pipeline.actions.runs.find import find, folder_of
from pipeline.core.dataset.files.data_yaml import Dataset, parse_dataset
from pipeline.core.dataset.files.images import label_path, read_small
from pipeline.core.dataset.labels.lines import parse_label
from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text
from pipeline.core.launch.launch import data_path, load_launch
from pipeline.core.mistakes.kept import left_out
from pipeline.core.mistakes.labels import MISSING, doubtful
from pipeline.core.mistakes.marks import load_marks, verdicts
from pipeline.core.mistakes.stored import Stored
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder

_CORNERS: Final = ("x1", "y1", "x2", "y2")
# What loading, scaling and single precision may change of a box.
_SAME_PX: Final = 1.5


@dataclass(frozen=True)
class DoubtfulLabel:
    """A label that the model doubts.

    Parameters
    ----------
    image
        As the test's tables name it.
    line
        From 1; None for a missing label, and for one that its file does not have any more.
    kind, score
        See `pipeline.core.mistakes.labels`.
    class_name, box
        The label's own; of a missing one the prediction's. Corners are in pixels of the image.
    mark
        What people said of it, or None.
    """

    image: str
    line: int | None
    kind: str
    score: float
    class_name: str
    box: tuple[float, ...]
    mark: str | None


@dataclass(frozen=True)
class Doubted:
    """The labels that a run's model doubts.

    Parameters
    ----------
    labels
        Most doubtful first.
    left_out
        In sentences what the test did not keep, see `pipeline.core.mistakes.kept`.
    """

    labels: list[DoubtfulLabel]
    left_out: list[str]


def doubtful_labels(
    here: Installation, run: str, *, limit: int | None = None, is_ranking: bool = False
) -> Doubted:
    """Give the labels that the model of a run doubts, most doubtful first.

    Parameters
    ----------
    limit
        How many at most.
    is_ranking
        See `pipeline.core.mistakes.labels.doubtful`.

    Raises
    ------
    RunNotFound, EngineUnreachable
        There is no such run, or nobody can say.
    FileMissing, InputError
        Its test did not keep what it saw, or a file of it is damaged.
    """
    found = find(here, run)
    folder = folder_of(here, found)
    stored = stored_of(found, folder)
    chosen = doubtful(stored.boxes, is_ranking=is_ranking)
    shown = chosen if limit is None else chosen.head(limit)
    labels = described(here.volume, folder, stored, shown)
    return Doubted(labels, left_out(stored.kept, stored.boxes))


def described(
    volume: Volume, folder: RunFolder, stored: Stored, chosen: pl.DataFrame
) -> list[DoubtfulLabel]:
    """Describe rows of `pipeline.core.mistakes.labels.doubtful`; reads their label files."""
    said_of = verdicts(stored.boxes, chosen["row"].to_list(), stored.names, load_marks(folder))
    rows = stored.boxes[chosen["row"]].select("image", "class", *_CORNERS)
    sizes = {name: size for name, *size in stored.images["image", "width", "height"].iter_rows()}
    line_of = _line_finder(volume, folder, stored.split)
    return [
        DoubtfulLabel(
            image=image,
            line=None if kind == MISSING else line_of(image, of, box, sizes.get(image, [0, 0])),
            kind=kind,
            score=score,
            class_name=stored.names[of],
            box=tuple(box),
            mark=mark,
        )
        for (image, of, *box), kind, score, mark in zip(
            rows.iter_rows(), chosen["kind"], chosen["score"], said_of, strict=True
        )
    ]


def _line_finder(
    volume: Volume, folder: RunFolder, split: str
) -> Callable[[str, int, list[float], list[int]], int | None]:
    """Give what finds a label's line; label files are read once each, and only those asked for."""
    try:
        name = data_path(volume, load_launch(folder.launch))
        dataset = parse_dataset(volume, read_text(folder.data, shown_as=name), name)
        base = image_folder(volume, folder, split)
    except SlipwayError:  # the data are gone, or not where they were
        return lambda *_: None
    read: dict[str, Mapping[str, Any] | None] = {}

    def line_of(image: str, of: int, box: list[float], size: list[int]) -> int | None:
        if image not in read:
            read[image] = _lines(volume, base / image, dataset)
        return _line(read[image], of, box, size)

    return line_of


def _lines(volume: Volume, image: Path, dataset: Dataset) -> Mapping[str, Any] | None:
    """Give the lines that were loaded, their classes, and their corners as shares."""
    path = label_path(os.path.normpath(image))  # a list's images are named with ".."
    if not volume.allows_data(Path(path)):
        return None
    try:
        label = parse_label(read_small(path), len(dataset.names), dataset.keypoint_columns)
    except OSError:
        return None
    if not label.numbers:
        return None
    centre, half = label.boxes[:, :2], label.boxes[:, 2:] / 2
    corners = np.concatenate([centre - half, centre + half], axis=1)
    return {"number": label.numbers, "of": np.array(label.classes), "corners": corners}


def _line(
    lines: Mapping[str, Any] | None, of: int, box: list[float], size: list[int]
) -> int | None:
    if lines is None:
        return None
    apart = np.abs(lines["corners"] * np.tile(size, 2) - box).max(1)
    # Of boxes in the same place the one of the class; with one class for all, none is of it.
    first = int(np.lexsort((apart, lines["of"] != of, apart > _SAME_PX))[0])
    return int(lines["number"][first]) if apart[first] <= _SAME_PX else None
