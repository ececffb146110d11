"""Why a run's model is wrong: every figure of its test, at a confidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.actions.installation import Installation
from pipeline.actions.runs.find import find, folder_of
from pipeline.core.mistakes.cost import cost_of_kinds
from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.precision import precision_of
from pipeline.core.mistakes.size import OfSize, by_size
from pipeline.core.mistakes.stored import read_stored
from pipeline.core.mistakes.sums import counts, images, matrix
from pipeline.core.mistakes.table import CONF, IOU
from pipeline.core.mistakes.threshold import Threshold, best_by_class, best_of_all
from pipeline.engines.base import Run


@dataclass(frozen=True)
class Mistakes:
    """What the test of a run saw.

    Parameters
    ----------
    run, split
        Which test.
    conf, iou
        From where on a box counts, and from where on two meet, in ``counts``, ``matrix`` and
        ``images``; all else is over all confidences.
    counts, matrix, images
        See `pipeline.core.mistakes.sums`.
    cost
        See `pipeline.core.mistakes.cost`.
    metrics, sizes
        Ultralytics' means over classes; AP50-95 by size.
    best, best_by_class
        The confidence with the best F1; None where there is nothing to find.
    """

    run: Run
    split: str
    conf: float
    iou: float
    counts: dict[str, int]
    cost: dict[str, float]
    matrix: dict[str, Any]
    metrics: dict[str, float]
    sizes: dict[str, OfSize]
    best: Threshold | None
    best_by_class: dict[str, Threshold | None]
    images: pl.DataFrame


def mistakes(here: Installation, run: str, *, conf: float = CONF) -> Mistakes:
    """Judge what the test of a run saw at a confidence.

    Raises
    ------
    RunNotFound, EngineUnreachable
        There is no such run, or nobody can say.
    FileMissing, InputError
        Its test did not keep what it saw, or a file of it is damaged.
    """
    found = find(here, run)
    stored = read_stored(folder_of(here, found))
    rows, measured = judged(stored.boxes, conf=conf, iou=IOU), precision_of(stored.boxes)
    return Mistakes(
        run=found,
        split=stored.split,
        conf=conf,
        iou=IOU,
        counts=counts(rows),
        cost=cost_of_kinds(stored.boxes),
        matrix=matrix(rows, stored.labels),
        metrics=measured.summary(),
        sizes=by_size(stored.boxes),
        best=best_of_all(measured),
        best_by_class=best_by_class(measured, stored.labels),
        images=images(rows, stored.images),
    )
