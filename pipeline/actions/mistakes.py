"""Why a run's model is wrong: every figure of its test, at a confidence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.actions.installation import Installation
from pipeline.actions.runs.find import find, folder_of
from pipeline.core.dataset.read import verified_places
from pipeline.core.errors import FileMissing, InputError
from pipeline.core.files import read_text
from pipeline.core.launch.launch import data_path, load_launch
from pipeline.core.mistakes.cost import cost_of_kinds
from pipeline.core.mistakes.hits import Hits, hits
from pipeline.core.mistakes.kept import Kept, left_out
from pipeline.core.mistakes.labels import doubtful
from pipeline.core.mistakes.matching import Matched
from pipeline.core.mistakes.precision import Precision, measured
from pipeline.core.mistakes.size import OfSize, by_share, by_size
from pipeline.core.mistakes.slices import Slice, Sliced
from pipeline.core.mistakes.stored import Stored, read_stored
from pipeline.core.mistakes.sums import counts, images, matrix
from pipeline.core.mistakes.table import CONF, IOU, images_base
from pipeline.core.mistakes.threshold import Threshold, best_of_all, best_of_classes, by_name
from pipeline.core.mistakes.worst_slices import worst_slices
from pipeline.core.said import said
from pipeline.core.states import State
from pipeline.core.volume.operating_point import OperatingPoint, load_operating_point
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder
from pipeline.engines.base import Run


class Seen:
    """What a test saw, and the figures over all confidences.

    Each is made when it is asked for, where the test has not left it in its summary.

    Parameters
    ----------
    stored
        Its tables.
    """

    def __init__(self, stored: Stored) -> None:
        self.stored = stored

    @cached_property
    def cost(self) -> dict[str, float]:
        """See `pipeline.core.mistakes.cost`."""
        given = self.stored.summary
        return given.cost if given else cost_of_kinds(self.stored.boxes)

    @cached_property
    def hits(self) -> Hits:
        """See `pipeline.core.mistakes.hits`."""
        return hits(self.stored.boxes)

    @cached_property
    def measured(self) -> Precision:
        """See `pipeline.core.mistakes.precision`."""
        return measured(self.hits)

    @cached_property
    def sizes(self) -> dict[str, OfSize]:
        """See `pipeline.core.mistakes.size`."""
        given = self.stored.summary
        return given.sizes if given else by_size(self.stored.boxes)

    @cached_property
    def shares(self) -> dict[str, OfSize]:
        """The same by the share of the image."""
        given = self.stored.summary
        if given and given.shares:
            return given.shares
        return by_share(self.stored.boxes, self.stored.images)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Ultralytics' means over classes."""
        given = self.stored.summary
        return given.metrics if given else self.measured.summary()

    @cached_property
    def best(self) -> Threshold | None:
        """The confidence with the best F1; None where there is nothing to find."""
        given = self.stored.summary
        best = given.best if given else best_of_all(self.measured)
        return best.from_kept(self.least) if best else None

    @cached_property
    def best_by_class(self) -> dict[str, Threshold | None]:
        """The same for each class."""
        given = self.stored.summary
        found = given.best_of_classes if given else best_of_classes(self.measured)
        kept = {of: best.from_kept(self.least) for of, best in found.items()}
        return by_name(kept, self.stored.names)

    @cached_property
    def left_out(self) -> list[str]:
        """See `pipeline.core.mistakes.kept`."""
        return left_out(self.stored.kept, self.stored.boxes)

    @property
    def least(self) -> float:
        """The smallest confidence at which the test can be judged."""
        return self.stored.kept.conf

    @cached_property
    def matched(self) -> Matched:
        """Who met whom at any confidence; of two million boxes it takes a second."""
        return Matched(self.stored.boxes, least=0, iou=IOU)

    @cached_property
    def doubtful(self) -> pl.DataFrame:
        """See `pipeline.core.mistakes.labels`."""
        return doubtful(self.stored.boxes)

    def at(self, conf: float) -> Judged:
        """Judge it at a confidence, which is `least` or more; at `CONF` the test has done so."""
        if conf == CONF:
            return _judged(self.stored.boxes, self.stored.images)
        return judged_at(self.matched, self.stored.images, conf)


@dataclass(frozen=True)
class Judged:
    """What became of each box at a confidence, how many had which fate, and in which images."""

    boxes: pl.DataFrame
    counts: dict[str, int]
    images: pl.DataFrame


def judged_at(matched: Matched, every: pl.DataFrame, conf: float) -> Judged:
    """Judge the images of a test at a confidence."""
    return _judged(matched.at(conf), every)


def _judged(rows: pl.DataFrame, every: pl.DataFrame) -> Judged:
    return Judged(rows, counts(rows), images(rows, every))


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
    metrics, sizes, shares
        Ultralytics' means over classes; AP50-95 by size, and by the share of the image.
    best, best_by_class
        The confidence with the best F1; None where there is nothing to find.
    operating_point
        The one that somebody chose, or None.
    slices
        See `pipeline.core.mistakes.worst_slices`.
    kept, left_out
        What is in the tables, and in sentences what is not.
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
    shares: dict[str, OfSize]
    best: Threshold | None
    best_by_class: dict[str, Threshold | None]
    operating_point: OperatingPoint | None
    images: pl.DataFrame
    slices: list[Slice]
    kept: Kept
    left_out: list[str]


def mistakes(here: Installation, run: str, *, conf: float | None = None) -> Mistakes:
    """Judge what the test of a run saw at a confidence; unless one is given, at `CONF` or above.

    Raises
    ------
    RunNotFound, EngineUnreachable
        There is no such run, or nobody can say.
    FileMissing, InputError
        Its test did not keep what it saw, or not from that confidence on, or a file is damaged.
    """
    found = find(here, run)
    folder = folder_of(here, found)
    seen = Seen(stored_of(found, folder))
    conf = chosen_conf(conf, seen.least, found.launch)
    at = seen.at(conf)
    return Mistakes(
        run=found,
        split=seen.stored.split,
        conf=conf,
        iou=IOU,
        counts=at.counts,
        cost=seen.cost,
        matrix=matrix(at.boxes, seen.stored.labels),
        metrics=seen.metrics,
        sizes=seen.sizes,
        shares=seen.shares,
        best=seen.best,
        best_by_class=seen.best_by_class,
        operating_point=load_operating_point(folder),
        images=at.images,
        slices=worst_slices(Sliced(at.boxes, at.images, seen.stored.names)),
        kept=seen.stored.kept,
        left_out=seen.left_out,
    )


def stored_of(run: Run, folder: RunFolder) -> Stored:
    """Read what the test of a run saw.

    Raises
    ------
    FileMissing, InputError
        See `read_stored`; of a run that goes on it says to wait.
    """
    try:
        return read_stored(folder)
    except FileMissing as reason:
        if run.state.is_finished or run.state is State.UNKNOWN:
            raise
        raise FileMissing(
            said("The test of {name} is not over.", name=folder.name),
            where=reason.where,
            next=said(
                "Wait for it: 'slipway show {name}' says how far the run is.", name=folder.name
            ),
        ) from reason


def chosen_conf(conf: float | None, least: float, name: str) -> float:
    """Give the confidence to judge at; unless one is asked for, `CONF` or what the test kept.

    Raises
    ------
    InputError
        The test kept no boxes of so little.
    """
    if conf is None:
        return max(CONF, least)
    if conf >= least:
        return conf
    message = said(
        "The test of {name} kept boxes from confidence {least} on; {conf} is less.",
        name=name,
        least=f"{least:g}",
        conf=f"{conf:g}",
    )
    again = said("Ask for {least} or more, or set conf lower and test again.", least=f"{least:g}")
    raise InputError(message, where="--conf", next=again)


def image_folder(volume: Volume, folder: RunFolder, split: str) -> Path:
    """Give the folder that the images of a test are named from, on this machine.

    Raises
    ------
    FileMissing, InputError
        The run has lost its launch or its data yaml, or that has no such split.
    """
    name = data_path(volume, load_launch(folder.launch))
    text = read_text(folder.data, shown_as=name)
    places = verified_places(volume, text, name, folder.step("verify"), split)
    if not places:
        raise InputError(said("'{split}' is not a split of the data.", split=split), where=name)
    return images_base(places)
