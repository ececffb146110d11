"""One page of the list of runs: all runs are looked at, and only those shown cost more."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.actions.ending import Written, write_ending
from pipeline.actions.installation import Installation
from pipeline.actions.last_seen import Outage
from pipeline.actions.runs.details import facts_of, tested_of
from pipeline.actions.runs.filter import Comparison, parse_query
from pipeline.actions.runs.find import folder_of, newest, record_of
from pipeline.actions.runs.from_mlflow import facts_elsewhere, row_elsewhere
from pipeline.actions.runs.model import RunFacts, RunRow, Seeds
from pipeline.actions.runs.rows import row_of
from pipeline.actions.runs.seeds import key_of, mean_and_std, seed_key
from pipeline.core.engines import traits_of
from pipeline.core.errors import SlipwayError
from pipeline.core.files import sha256_file
from pipeline.core.states import State
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.run_note import RunNote
from pipeline.core.yamltext.file import load_yaml
from pipeline.engines.base import Run
from pipeline.tracking.elsewhere import ElsewhereRun
from pipeline.tracking.reader import Tracking
from pipeline.tracking.schema import LIST_METRIC, TEST_PREFIX

LOOKED_AT = 1000
CHOICES = ("state", "model", "data", "user", "engine")
NEWEST = "newest"
SORTS = (NEWEST, "oldest", LIST_METRIC, "test mAP", "longest", "launch")


class _Over(dict[tuple[str, str, str, str, str], RunFacts]):
    """The facts of runs that are over."""


@dataclass(frozen=True)
class Page:
    """What one page of the list shows.

    Parameters
    ----------
    rows
        The runs of this page.
    fitting
        How many rows fit, on all pages.
    states
        The state of every run that is not archived, whether it fits or not.
    choices
        For each of `CHOICES` the values that occur.
    outages
        Engines that do not answer.
    is_cut
        Whether there are more runs than the newest `LOOKED_AT`, which alone are looked at.
    """

    rows: list[RunRow]
    fitting: int
    states: list[State]
    choices: dict[str, list[str]]
    outages: tuple[Outage, ...]
    is_cut: bool = False


@dataclass(frozen=True)
class _Entry:
    """A run of an engine with its folder, or one that only MLflow knows."""

    facts: RunFacts
    note: RunNote = field(default_factory=RunNote)
    source: str = ""
    elsewhere: ElsewhereRun | None = None

    @property
    def params(self) -> Mapping[Any, Any]:
        """What it was launched with."""
        if self.elsewhere:
            return self.elsewhere.params
        cfg = self.facts.folder.cfg if self.facts.folder else None
        return _params(cfg) if cfg and cfg.is_file() else {}


def page_of(
    here: Installation,
    chosen: dict[str, str],
    text: str = "",
    *,
    page: int = 1,
    size: int = 50,
    with_archived: bool = False,
    sort: str = NEWEST,
    joins_seeds: bool = False,
) -> Page:
    """Give a page of the newest `LOOKED_AT` runs that fit.

    Parameters
    ----------
    chosen
        Values of some of `CHOICES`; an empty one fits all.
    text
        See `pipeline.actions.runs.filter`.
    page, size
        Which page, from 1, and how many rows it has; behind the last page is the last page.
    with_archived
        Whether archived runs are listed too.
    sort
        One of `SORTS`; runs without the value that is sorted by come last.
    joins_seeds
        Whether runs that differ in nothing but their seed are one row.
    """
    found = newest(here, limit=LOOKED_AT)
    tracking, query = here.tracking, parse_query(text)
    listed = [_ours(here, run) for run in found.runs]
    listed += [_Entry(facts_elsewhere(run), elsewhere=run) for run in tracking.elsewhere(LOOKED_AT)]
    listed.sort(key=lambda entry: entry.facts.created_at, reverse=True)
    kept = [entry for entry in listed[:LOOKED_AT] if with_archived or not entry.note.is_archived]
    fitting = [
        entry
        for entry in kept
        if all(value in ("", getattr(entry.facts, key)) for key, value in chosen.items())
        and query.fits_text(entry.facts, entry.note)
    ]
    values = _Values(tracking, fitting)
    fitting = [entry for entry in fitting if _fits(entry, query.comparisons, values)]
    groups = _joined(fitting) if joins_seeds else [[entry] for entry in fitting]
    groups = _sorted(groups, sort, values)
    page = min(max(page, 1), max(1, -(-len(groups) // size)))
    shown = groups[(page - 1) * size : page * size]
    return Page(
        rows=[_row(here, group, values) for group in shown],
        fitting=len(groups),
        states=[entry.facts.state for entry in kept],
        choices={key: _occurring(key, kept) for key in CHOICES},
        outages=found.outages,
        is_cut=len(listed) >= LOOKED_AT,
    )


class _Values:
    """The best values of metrics, read when somebody asks for one: for all runs at once."""

    def __init__(self, tracking: Tracking, entries: Sequence[_Entry]) -> None:
        self._tracking = tracking
        self._entries = entries
        self._known: dict[str, dict[str, float]] = {}

    def best(self, entry: _Entry, metric: str) -> float | None:
        """Give the best value that a run has reached, else None."""
        if metric not in self._known:
            ours = [entry.facts.folder for entry in self._entries if entry.facts.folder]
            others = [entry.elsewhere for entry in self._entries if entry.elsewhere]
            self._known[metric] = self._tracking.bests(ours, others, metric)
        return self._known[metric].get(entry.facts.name)


def _ours(here: Installation, run: Run) -> _Entry:
    """Give a run of an engine; the facts of one that is over are read once."""
    over, key = here.memory(_Over), (run.engine, run.id, run.state, run.finished_at, run.message)
    kept = over.get(key)
    folder = kept.folder if kept and kept.folder else folder_of(here, run)
    # Its steps may be read later than its end.
    seen = here.folders.get(folder.name)
    record = seen.launch if seen else None
    facts = replace(kept, steps=run.steps) if kept else facts_of(run, folder, record)
    write_ending(here.memory(Written), run, folder)
    if run.state.is_finished and not kept:
        if len(over) >= 2 * LOOKED_AT:  # of runs that are no longer listed, or deleted
            over.clear()
        over[key] = facts
    is_foreign = not run.launch or run.launch != facts.launch
    source = traits_of(run.engine).page if is_foreign else ""
    return _Entry(facts, seen.note if seen else RunNote(), source)


def _occurring(key: str, entries: Sequence[_Entry]) -> list[str]:
    return sorted({str(getattr(entry.facts, key)) for entry in entries} - {""})


def _fits(entry: _Entry, comparisons: Sequence[Comparison], values: _Values) -> bool:
    if not comparisons:
        return True
    params = entry.params
    return all(
        condition.fits(
            params[condition.key] if condition.key in params else values.best(entry, condition.key)
        )
        for condition in comparisons
    )


def _joined(entries: Sequence[_Entry]) -> list[list[_Entry]]:
    """Put runs that differ in nothing but their seed together, at the place of the newest."""
    groups: dict[str, list[_Entry]] = {}
    for entry in entries:
        folder = entry.facts.folder
        key = seed_key(folder) if folder else key_of(entry.params)
        groups.setdefault(key or entry.facts.name, []).append(entry)
    return list(groups.values())


def _sorted(groups: list[list[_Entry]], sort: str, values: _Values) -> list[list[_Entry]]:
    """Sort groups by their best member; those without a value come last, the newest first."""
    if sort == "oldest":
        return groups[::-1]
    if sort == "launch":
        return sorted(groups, key=lambda group: group[0].facts.launch)
    measures: dict[str, Callable[[_Entry], float | None]] = {
        LIST_METRIC: lambda entry: values.best(entry, LIST_METRIC),
        "test mAP": _tested,
        "longest": lambda entry: _seconds(entry.facts),
    }
    if sort not in measures:
        return groups

    def measure(group: list[_Entry]) -> float:
        found = [value for value in map(measures[sort], group) if value is not None]
        return max(found, default=-math.inf)

    return sorted(groups, key=measure, reverse=True)


def _tested(entry: _Entry) -> float | None:
    if entry.elsewhere:
        return entry.elsewhere.metrics.get(TEST_PREFIX + LIST_METRIC)
    assert entry.facts.folder is not None
    return tested_of(entry.facts.folder).metrics.get(LIST_METRIC)


def _seconds(facts: RunFacts) -> float | None:
    if not (facts.started_at and facts.finished_at):
        return None
    started, finished = map(datetime.fromisoformat, (facts.started_at, facts.finished_at))
    return (finished - started).total_seconds()


@lru_cache(maxsize=LOOKED_AT)
def _params(cfg: Path) -> dict[Any, Any]:
    """Give the cfg that a run was launched with; it is never edited."""
    try:
        return load_yaml(cfg).data
    except SlipwayError:
        return {}


def _row(here: Installation, group: Sequence[_Entry], values: _Values) -> RunRow:
    row = _one_row(here, group[0])
    if len(group) == 1:
        return row
    bests = [values.best(entry, LIST_METRIC) for entry in group]
    found = [value for value in bests if value is not None]
    names = tuple(entry.facts.name for entry in group)
    return replace(row, seeds=Seeds(names, *(mean_and_std(found) if found else ())))


def _one_row(here: Installation, entry: _Entry) -> RunRow:
    if entry.elsewhere:
        return row_elsewhere(here.tracking, entry.elsewhere)
    folder = entry.facts.folder
    assert folder is not None
    return replace(
        row_of(here.tracking, entry.facts, folder),
        note=entry.note,
        source=entry.source,
        is_data_changed=_is_data_changed(here, folder),
    )


def _is_data_changed(here: Installation, folder: RunFolder) -> bool:
    """Say whether the data yaml is another than the one that the launch was made with."""
    record = record_of(folder)
    before = record.sha256.get("data") if record else None
    if record is None or not before:
        return False
    volume = here.volume
    try:
        path = volume.path(volume.resolve("data", record.choices.data).path)
        status = path.stat()
    except (SlipwayError, OSError):  # gone or unreadable by now: changed, too
        return True
    return _digest(path, status.st_mtime_ns, status.st_size) != before


@lru_cache(maxsize=64)
def _digest(path: Path, mtime_ns: int, size_bytes: int) -> str:
    return sha256_file(path)
