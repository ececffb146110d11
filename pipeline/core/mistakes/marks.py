"""What people say of doubtful labels: that one is right, or that it is wrong.

A mark lies beside the run and says which label it is about by image, class and box, not by a row
of the test's tables, so that it outlives another test and tells an editor of labels where to go.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from pipeline.core.errors import InputError
from pipeline.core.files import locked, read_text, write_json
from pipeline.core.said import said
from pipeline.core.volume.run_folder import RunFolder

RIGHT, WRONG = VERDICTS = ("right", "wrong")
_CORNERS: Final = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True)
class Mark:
    """A verdict on a label.

    Parameters
    ----------
    image
        As the test's tables name it.
    class_name
        Of the label, or of what should be one.
    box
        x1, y1, x2, y2 in pixels of the image; whole pixels tell labels apart.
    kind
        One of `pipeline.core.mistakes.labels.KINDS`.
    verdict
        One of `VERDICTS`.
    line
        Where it stands in its label file, from 1, or None.
    by, at
        Who said so, and when (ISO 8601 in UTC).
    """

    image: str
    class_name: str
    box: tuple[int, ...]
    kind: str
    verdict: str
    line: int | None = None
    by: str = ""
    at: str = ""

    @property
    def label(self) -> tuple[str, str, tuple[int, ...]]:
        """What tells the label from others."""
        return self.image, self.class_name, self.box


def load_marks(folder: RunFolder) -> list[Mark]:
    """Read the marks of a run, oldest first; a run without any has an empty list.

    Raises
    ------
    InputError
        The file is damaged.
    """
    if not folder.label_marks.is_file():
        return []
    try:
        return [_mark(given) for given in json.loads(read_text(folder.label_marks))["marks"]]
    except (ValueError, KeyError, TypeError) as reason:
        raise InputError(
            said("the marks of labels cannot be read: {reason}.", reason=reason),
            where=str(folder.label_marks),
            next=said("Move the file away; its marks are in it."),
        ) from reason


def save_mark(folder: RunFolder, mark: Mark) -> None:
    """Keep a mark; it takes the place of an older one of its label."""
    _change(folder, mark, [replace(mark, at=datetime.now(UTC).isoformat(timespec="seconds"))])


def remove_mark(folder: RunFolder, mark: Mark) -> None:
    """Take the mark of a label back."""
    _change(folder, mark, [])


def verdicts(
    boxes: pl.DataFrame, rows: Sequence[int], labels: Sequence[str], marks: Sequence[Mark]
) -> list[str | None]:
    """Give what was said of the labels in these rows of a table of boxes; None for nothing."""
    of = {mark.label: mark.verdict for mark in marks}
    images = pl.Series(sorted({mark.image for mark in marks}), dtype=pl.String)
    chosen = boxes[rows].select("image", "class", *_CORNERS).with_row_index()
    told = chosen.filter(pl.col("image").cast(pl.String).is_in(images.implode()))
    found: list[str | None] = [None] * len(chosen)
    for number, image, class_id, *box in told.iter_rows():
        found[number] = of.get((image, labels[class_id], whole_px(box)))
    return found


def whole_px(box: Sequence[float]) -> tuple[int, ...]:
    """Round the corners of a box."""
    return tuple(round(side) for side in box)


def _change(folder: RunFolder, mark: Mark, new: list[Mark]) -> None:
    """Write all marks; two people who mark at once lose none."""
    with locked(folder.path / ".label_marks.lock"):
        kept = [old for old in load_marks(folder) if old.label != mark.label]
        write_json(folder.label_marks, {"marks": [asdict(each) for each in [*kept, *new]]})


def _mark(given: dict[str, Any]) -> Mark:
    mark = Mark(**(given | {"box": whole_px(given["box"])}))
    texts = (mark.image, mark.class_name, mark.kind, mark.by, mark.at)
    is_line = mark.line is None or isinstance(mark.line, int)
    if mark.verdict not in VERDICTS or not is_line or not all(isinstance(t, str) for t in texts):
        raise ValueError(said("{mark} is no mark", mark=given))
    return mark
