"""One page of the list of runs: all runs are looked at, and only those shown cost more."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from pipeline.actions.installation import Installation
from pipeline.actions.last_seen import Outage
from pipeline.actions.run_folders import Progress
from pipeline.actions.runs.entries import Entry, list_entries
from pipeline.actions.runs.filter import Comparison, parse_query
from pipeline.actions.runs.model import RunFacts, RunRow
from pipeline.actions.runs.shown_rows import rows_of
from pipeline.actions.runs.values import Values
from pipeline.core.states import State
from pipeline.tracking.schema import LIST_METRIC

CHOICES = ("state", "model", "data", "user", "engine")
NEWEST = "newest"
SORTS = (NEWEST, "oldest", LIST_METRIC, "test mAP", "longest", "launch")


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
    """

    rows: list[RunRow]
    fitting: int
    states: list[State]
    choices: dict[str, list[str]]
    outages: tuple[Outage, ...]


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
    progress: Progress | None = None,
) -> Page:
    """Give a page of the runs that fit.

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
    progress
        Called while folders are read, with how many are done and how many there are.
    """
    here.folders.all(progress)
    listed, outages = list_entries(here)
    query = parse_query(text)
    wanted = {key: value for key, value in chosen.items() if value}
    kept = [entry for entry in listed if with_archived or not entry.note.is_archived]
    fitting = [
        entry
        for entry in kept
        if all(getattr(entry.facts, key) == value for key, value in wanted.items())
        and query.fits_text(entry.facts, entry.note)
    ]
    values = Values(
        here,
        [entry.facts.name for entry in fitting if not entry.elsewhere],
        [entry.elsewhere for entry in fitting if entry.elsewhere],
        progress,
    )
    fitting = [entry for entry in fitting if _fits(entry, query.comparisons, values)]
    groups = _joined(fitting, values) if joins_seeds else [[entry] for entry in fitting]
    groups = _sorted(groups, sort, values)
    page = min(max(page, 1), max(1, -(-len(groups) // size)))
    shown = groups[(page - 1) * size : page * size]
    return Page(
        rows=rows_of(here, shown, values),
        fitting=len(groups),
        states=[entry.facts.state for entry in kept],
        choices={key: _occurring(key, kept) for key in CHOICES},
        outages=outages,
    )


def _occurring(key: str, entries: Sequence[Entry]) -> list[str]:
    return sorted({str(value) for value in set(map(attrgetter(f"facts.{key}"), entries))} - {""})


def _fits(entry: Entry, comparisons: Sequence[Comparison], values: Values) -> bool:
    if not comparisons:
        return True
    params = values.params(entry.facts.name)
    return all(
        condition.fits(
            params[condition.key]
            if condition.key in params
            else values.best(entry.facts.name, condition.key)
        )
        for condition in comparisons
    )


def _joined(entries: Sequence[Entry], values: Values) -> list[list[Entry]]:
    """Put runs that differ in nothing but their seed together, at the place of the newest."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        name = entry.facts.name
        groups.setdefault(values.seed_key(name) or name, []).append(entry)
    return list(groups.values())


def _sorted(groups: list[list[Entry]], sort: str, values: Values) -> list[list[Entry]]:
    """Sort groups by their best member; those without a value come last, the newest first."""
    if sort == "oldest":
        return groups[::-1]
    if sort == "launch":
        return sorted(groups, key=lambda group: group[0].facts.launch)
    measures: dict[str, Callable[[Entry], float | None]] = {
        LIST_METRIC: lambda entry: values.best(entry.facts.name, LIST_METRIC),
        "test mAP": lambda entry: values.tested(entry.facts.name),
        "longest": lambda entry: _seconds(entry.facts),
    }
    if sort not in measures:
        return groups

    def measure(group: list[Entry]) -> float:
        found = [value for value in map(measures[sort], group) if value is not None]
        return max(found, default=-math.inf)

    return sorted(groups, key=measure, reverse=True)


def _seconds(facts: RunFacts) -> float | None:
    if not (facts.started_at and facts.finished_at):
        return None
    started, finished = map(datetime.fromisoformat, (facts.started_at, facts.finished_at))
    return (finished - started).total_seconds()
