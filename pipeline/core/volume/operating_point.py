"""From which confidence on a run's weights are to be used, as somebody has chosen it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.files import read_text, write_json
from pipeline.core.said import said
from pipeline.core.volume.run_folder import RunFolder


@dataclass(frozen=True)
class OperatingPoint:
    """A confidence, why it was chosen, and what the test reached with it.

    Parameters
    ----------
    conf
        Predictions of at least so much count.
    wish, value
        See `pipeline.core.mistakes.operating.point_of`.
    precision, recall, f1
        On that split, at an IoU of 0.5, means over classes.
    split
        Of the test.
    classes
        Confidences by the classes' names, where each was to have its own.
    by, at
        Who chose it, and when (ISO 8601 in UTC).
    """

    conf: float
    wish: str
    value: float
    precision: float
    recall: float
    f1: float
    split: str
    classes: Mapping[str, float] = field(default_factory=dict)
    by: str = ""
    at: str = ""


def load_operating_point(folder: RunFolder) -> OperatingPoint | None:
    """Read the one of a run, or None where nobody chose one.

    Raises
    ------
    InputError
        The file is damaged.
    """
    if not folder.operating_point.is_file():
        return None
    try:
        return _point(json.loads(read_text(folder.operating_point)))
    except (ValueError, KeyError, TypeError, AttributeError) as reason:
        raise InputError(
            said("the operating point cannot be read: {reason}.", reason=reason),
            where=str(folder.operating_point),
            next=said("Remove the file, or choose one anew."),
        ) from reason


def save_operating_point(folder: RunFolder, point: OperatingPoint | None) -> None:
    """Keep one with a run in place of the one before, or, given None, none."""
    if point is None:
        folder.operating_point.unlink(missing_ok=True)
    else:
        write_json(folder.operating_point, asdict(point))


def _point(given: Mapping[str, Any]) -> OperatingPoint:
    return OperatingPoint(
        conf=_share(given["conf"]),
        wish=str(given["wish"]),
        value=float(given["value"]),
        precision=_share(given["precision"]),
        recall=_share(given["recall"]),
        f1=_share(given["f1"]),
        split=str(given["split"]),
        classes={str(name): _share(conf) for name, conf in given["classes"].items()},
        by=str(given["by"]),
        at=str(given["at"]),
    )


def _share(given: Any) -> float:
    share = float(given)
    if not 0 <= share <= 1:
        raise ValueError(said("{given} is not from 0 to 1", given=given))
    return share
