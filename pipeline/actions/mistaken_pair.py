"""What one run's test got right that another's got wrong, on what both were tested on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from pipeline.actions.installation import Installation
from pipeline.actions.mistakes import Judged, chosen_conf, judged_at, stored_of
from pipeline.actions.runs.find import find, folder_of
from pipeline.actions.runs.same_data import SameData, same_data
from pipeline.core.mistakes.bootstrap import Paired, paired
from pipeline.core.mistakes.common import Common, Differs, in_common
from pipeline.core.mistakes.matching import Matched
from pipeline.core.mistakes.pair import by_slice, groups
from pipeline.core.mistakes.stored import Stored
from pipeline.core.mistakes.table import IOU
from pipeline.engines.base import Run


@dataclass(frozen=True)
class Changes:
    """What the second of two tests changed at a confidence.

    Parameters
    ----------
    before, after
        Both tests, judged.
    groups
        See `pipeline.core.mistakes.pair`.
    """

    before: Judged
    after: Judged
    groups: dict[str, list[str]]


class SeenPair:
    """What two tests both saw.

    Parameters
    ----------
    before, after
        Their tables.

    Raises
    ------
    InputError
        They have nothing in common.
    """

    def __init__(self, before: Stored, after: Stored) -> None:
        self.common: Common = in_common(before, after)

    @cached_property
    def measured(self) -> Paired:
        """See `pipeline.core.mistakes.bootstrap`."""
        common = self.common
        return paired(common.before.boxes, common.after.boxes, common.images)

    @property
    def least(self) -> float:
        """The smallest confidence at which both tests can be judged."""
        return self.common.before.kept.conf

    @cached_property
    def matched(self) -> tuple[Matched, Matched]:
        """Who met whom in each test, at any confidence."""
        before, after = (
            Matched(test.boxes, least=0, iou=IOU)
            for test in (self.common.before, self.common.after)
        )
        return before, after

    def at(self, conf: float) -> Changes:
        """Judge both at a confidence, which is `least` or more."""
        tests = (self.common.before, self.common.after)
        before, after = (
            judged_at(matched, test.images, conf)
            for matched, test in zip(self.matched, tests, strict=True)
        )
        return Changes(
            before,
            after,
            groups(before.images, after.images),
        )

    def by(self, changes: Changes, name: str) -> pl.DataFrame:
        """See `pipeline.core.mistakes.pair.by_slice`."""
        before, after = changes.before, changes.after
        return by_slice(self.common, before.boxes, after.boxes, before.images, name)


@dataclass(frozen=True)
class MistakenPair:
    """Two tests on what both have.

    Parameters
    ----------
    runs, splits
        Which tests; the first is the baseline.
    data
        What is known of the data of both runs.
    differs
        What is left out.
    conf, iou
        From where on a box counts, and from where on two meet, in ``changes`` and ``classes``.
    classes
        What was fixed and broken of each class.
    """

    runs: tuple[Run, Run]
    splits: tuple[str, str]
    data: SameData
    differs: Differs
    conf: float
    iou: float
    changes: Changes
    classes: pl.DataFrame
    measured: Paired


def mistaken_pair(
    here: Installation, run: str, other: str, *, conf: float | None = None
) -> MistakenPair:
    """Hold the test of a run, the baseline, against that of another, at a confidence.

    Raises
    ------
    RunNotFound, EngineUnreachable
        There is no such run, or nobody can say.
    FileMissing, InputError
        A test did not keep what it saw, or a file of it is damaged; or they have no image in
        common.
    """
    one, two = find(here, run), find(here, other)
    folders = folder_of(here, one), folder_of(here, two)
    before, after = map(stored_of, (one, two), folders)
    seen = SeenPair(before, after)
    conf = chosen_conf(conf, seen.least, f"{one.launch}, {two.launch}")
    changes = seen.at(conf)
    return MistakenPair(
        runs=(one, two),
        splits=(before.split, after.split),
        data=same_data(folders),
        differs=seen.common.differs,
        conf=conf,
        iou=IOU,
        changes=changes,
        classes=seen.by(changes, "class"),
        measured=seen.measured,
    )
