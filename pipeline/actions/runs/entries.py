"""Runs as a list looks at them: what is known without reading anything of theirs again."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.actions.ending import Written, write_ending
from pipeline.actions.installation import Installation
from pipeline.actions.last_seen import Outage
from pipeline.actions.recorded import Recorded
from pipeline.actions.runs.details import facts_of
from pipeline.actions.runs.find import folder_of, is_only_recorded, newest
from pipeline.actions.runs.from_mlflow import facts_elsewhere
from pipeline.actions.runs.model import RunFacts
from pipeline.core.engines import traits_of
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.run_folder import RUNS, RunFolder
from pipeline.core.volume.run_note import RunNote
from pipeline.engines.base import Run
from pipeline.tracking.elsewhere import ElsewhereRun


@dataclass(frozen=True)
class Entry:
    """A run of an engine with its folder, or one that only MLflow knows."""

    facts: RunFacts
    record: Launch | None = None
    note: RunNote = field(default_factory=RunNote)
    source: str = ""
    elsewhere: ElsewhereRun | None = None


class _Over(dict[tuple[str, str], tuple[Run, Recorded | None, Entry]]):
    """Runs that are over, by engine and id, with what they were made from."""


class _Listed:
    """The runs that were listed last, and what the folders said before."""

    def __init__(self) -> None:
        self.last: tuple[int, tuple[Run, ...], list[Entry]] = (-1, (), [])


def list_entries(here: Installation) -> tuple[list[Entry], tuple[Outage, ...]]:
    """Give all runs, also those that only MLflow knows, newest first; and silent engines."""
    revision, kept = here.folders.revision, here.memory(_Listed)
    found = newest(here, limit=None)
    before, runs, entries = kept.last
    if (before, runs) == (here.folders.revision, found.runs):  # thousands that are over
        pairs = zip(found.runs, entries, strict=True)
        listed = [_ours(here, run) if entry.facts.is_live else entry for run, entry in pairs]
    else:
        listed = [_ours(here, run) for run in found.runs]
    kept.last = (revision, found.runs, listed)
    listed = list(listed)
    others = here.tracking.elsewhere()
    listed += [Entry(facts_elsewhere(run), elsewhere=run) for run in others]
    if others:
        listed.sort(key=lambda entry: entry.facts.created_at, reverse=True)
    return listed, found.outages


def _ours(here: Installation, run: Run) -> Entry:
    """Give a run of an engine; one that is over is looked at once, until its folder changes."""
    over, key = here.memory(_Over), (run.engine, run.id)
    before = over.get(key)
    seen = here.folders.get(before[2].facts.name if before else run.launch)
    if before and before[0] == run and before[1] is seen:
        return before[2]
    entry = _entry(here, run, seen)
    if not entry.facts.is_live:
        over[key] = (run, here.folders.get(entry.facts.name), entry)
    return entry


def _entry(here: Installation, run: Run, seen: Recorded | None) -> Entry:
    if seen and (is_only_recorded(run) or seen.owner == run.uid):
        folder = RunFolder(here.volume.root / RUNS / seen.name)
    else:
        folder = folder_of(here, run)
        seen = here.folders.get(folder.name)
    write_ending(here.memory(Written), run, folder)
    record = seen.launch if seen else None
    facts = facts_of(run, folder, record)
    is_foreign = not run.launch or run.launch != facts.launch
    source = traits_of(run.engine).page if is_foreign else ""
    return Entry(facts, record, seen.note if seen else RunNote(), source)
