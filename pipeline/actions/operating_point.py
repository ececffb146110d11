"""Keeping with a run from which confidence on its weights are to be used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pipeline.actions.installation import Installation
from pipeline.actions.mistakes import Seen
from pipeline.actions.runs.find import find, folder_of
from pipeline.core.mistakes.operating import curves_of, point_of
from pipeline.core.mistakes.precision import CONFIDENCES
from pipeline.core.volume.operating_point import OperatingPoint, save_operating_point


def operating_point(
    seen: Seen, wish: str, value: float = 0.0, *, is_by_class: bool = False
) -> OperatingPoint | None:
    """Choose a confidence by a wish.

    Parameters
    ----------
    seen
        A test that had something to find.
    wish, value
        See `pipeline.core.mistakes.operating.point_of`.
    is_by_class
        Whether the wish is also fulfilled for each class by itself, where that can be.

    Returns
    -------
    OperatingPoint or None
        None where no confidence fulfils the wish.
    """
    curves = curves_of(seen.measured, seen.hits, least=seen.least)
    point = point_of(curves, wish, value)
    if point is None:
        return None
    shares = (curves.precision, curves.recall, curves.f1)
    precision, recall, f1 = (float(curve[point]) for curve in shares)
    return OperatingPoint(
        conf=_conf(point),
        wish=wish,
        value=value,
        precision=precision,
        recall=recall,
        f1=f1,
        split=seen.stored.split,
        classes=_by_class(seen, wish, value) if is_by_class else {},
    )


def keep_operating_point(here: Installation, run: str, point: OperatingPoint | None) -> None:
    """Keep one with a run, and bring it to MLflow; None takes back what was kept.

    Raises
    ------
    TrackingUnreachable
        It is kept, but MLflow does not have it; the next step of the run, or ``track``, brings it
        there.
    """
    folder = folder_of(here, find(here, run))
    if point is not None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        point = replace(point, by=here.settings.user, at=now)
    save_operating_point(folder, point)
    if folder.mlflow.is_file():
        from pipeline.tracking.writer import RunWriter  # it imports mlflow, and lists do not

        RunWriter(folder, here.settings).note()


def _by_class(seen: Seen, wish: str, value: float) -> dict[str, float]:
    found = {}
    for class_id in map(int, seen.measured.classes):
        curves = curves_of(seen.measured, seen.hits, class_id, least=seen.least)
        point = point_of(curves, wish, value)
        if point is not None:
            found[seen.stored.names[class_id]] = _conf(point)
    return found


def _conf(point: int) -> float:
    return round(float(CONFIDENCES[point]), 3)
