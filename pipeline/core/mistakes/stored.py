"""The tables that a test wrote, as they lie in its run's folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipeline.core.class_names import unique_labels
from pipeline.core.errors import FileMissing, InputError
from pipeline.core.files import read_text
from pipeline.core.mistakes.kept import Kept, read_kept
from pipeline.core.mistakes.summary import Summary, read_summary
from pipeline.core.mistakes.table import BOXES, IMAGES
from pipeline.core.said import said
from pipeline.core.volume.run_folder import RunFolder

_CORNERS: Final = ("x1", "y1", "x2", "y2")
_ALWAYS: Final = ("image", "role", "class", *_CORNERS)


@dataclass(frozen=True)
class Stored:
    """What a test saw, and what is known of it.

    Parameters
    ----------
    boxes, images
        Its tables.
    labels
        The names of its classes by id, as the data call them.
    split
        The split that it was on.
    kept
        What of it is in the tables.
    summary
        The figures that the test worked out from the tables, or None.
    """

    boxes: pl.DataFrame
    images: pl.DataFrame
    labels: tuple[str, ...]
    split: str
    kept: Kept = field(default_factory=Kept)
    summary: Summary | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The labels told apart: where several classes have one, each has its id behind it."""
        return unique_labels(self.labels)


def read_stored(folder: RunFolder) -> Stored:
    """Read what the test of a run saw.

    Raises
    ------
    FileMissing
        It was not tested, its test did not keep what it saw, or is not over.
    InputError
        A file is there, but is none that a test writes.
    """
    if not (folder.boxes.is_file() and folder.tested_images.is_file()):
        raise FileMissing(
            said("{name} has no test that kept what it saw, image by image.", name=folder.name),
            where=str(folder.boxes),
            next=_test_again(folder),
        )
    confusion = folder.step("test") / "confusion_matrix.json"
    *labels, _ = map(str, _told(confusion, "labels", list, folder))
    split = _told(folder.test_metrics, "split", str, folder)
    boxes, images = _boxes(folder), _table(folder.tested_images, IMAGES, folder)
    try:
        kept = read_kept(folder.boxes)
    except (ValueError, OSError, pl.exceptions.PolarsError) as reason:
        raise _damaged(folder.boxes, folder) from reason
    if (boxes["class"] >= len(labels)).any():
        raise _damaged(confusion, folder)
    return Stored(boxes, images, tuple(labels), split, kept, read_summary(folder))


def _told(path: Path, key: str, kind: type, folder: RunFolder) -> Any:
    """Give what one of the test's documents says; they are written after the tables."""
    if not path.is_file():
        raise FileMissing(
            said(
                "The test of {name} is not over, or has lost {file}.",
                name=folder.name,
                file=path.name,
            ),
            where=str(path),
            next=_test_again(folder),
        )
    try:
        value = json.loads(read_text(path))[key]
    except (ValueError, LookupError, TypeError, RecursionError) as reason:
        raise _damaged(path, folder) from reason
    if not isinstance(value, kind) or not value:
        raise _damaged(path, folder)
    return value


def _boxes(folder: RunFolder) -> pl.DataFrame:
    boxes = _table(folder.boxes, BOXES, folder)
    is_sound = pl.all_horizontal(
        pl.col(_CORNERS).is_finite(),
        pl.col("conf").is_finite().fill_null(pl.col("role") == "target"),
        pl.col("partner").fill_null(0) < len(boxes),
    )
    if not boxes.select(is_sound.all()).item():
        raise _damaged(folder.boxes, folder)
    return boxes


def _table(path: Path, schema: pl.Schema, folder: RunFolder) -> pl.DataFrame:
    try:
        rows = pl.read_parquet(path).select(schema.names()).cast(schema)
    except (pl.exceptions.PolarsError, OSError) as reason:
        raise _damaged(path, folder) from reason
    if any(rows[name].null_count() for name in _ALWAYS if name in schema):
        raise _damaged(path, folder)
    return rows


def _damaged(path: Path, folder: RunFolder) -> InputError:
    message = said("{name} is damaged, or no file of a test.", name=path.name)
    return InputError(message, where=str(path), next=_test_again(folder))


def _test_again(folder: RunFolder) -> str:
    if not folder.weights("best").is_file():  # a test alone: cloned, it is one again
        return said("Launch it again: 'slipway clone {name}'.", name=folder.name)
    return said(
        "Test its weights again: 'slipway clone {name} --no-train --test-split SPLIT --model "
        "runs/{name}/train/weights/best.pt'. Tests of detection keep what they see.",
        name=folder.name,
    )
