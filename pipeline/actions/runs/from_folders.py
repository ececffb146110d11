"""Runs that an engine has not listed, because it forgot them or has many, told by their folders."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from pipeline.actions.installation import Installation
from pipeline.actions.recorded import Recorded
from pipeline.core.clock import utc_at
from pipeline.core.errors import RunNotFound
from pipeline.core.said import said, sentences
from pipeline.engines.base import Engine, Run, paged

_BATCH = 200
_ASKED_SINGLY = 50
_ON_ITS_WAY_S = 600.0


class _Told:
    """Runs that are over, as told before: a list of thousands is drawn every few seconds."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, bool], tuple[Recorded, Run]] = {}
        # What all runs were told from last.
        self.last: tuple[tuple[object, ...], tuple[Run, ...]] = ((), ())

    def get(self, entry: Recorded, is_silent: bool) -> Run | None:
        """Give what was told of a folder that still says the same."""
        before, run = self._runs.get((entry.name, is_silent), (None, None))
        return run if before is entry else None

    def keep(self, entry: Recorded, is_silent: bool, run: Run) -> None:
        """Remember what was told of a folder."""
        if entry.is_settled:
            self._runs[entry.name, is_silent] = (entry, run)


def runs_of_folders(
    here: Installation,
    names: Collection[str],
    silent: Collection[str],
    *,
    starting_with: str = "",
    state: str = "",
    after: str = "",
) -> Iterator[Run]:
    """Give the runs of recorded launches that no engine has listed, newest first.

    Engines are asked about those that they may know.

    Parameters
    ----------
    names
        What the listed runs are called, by any of their ids.
    silent
        Engines that do not answer.
    starting_with, state, after
        Only folders whose names begin so, that ended so, and that were made later.
    """
    told, folders = here.memory(_Told), here.folders.all()
    asked = (folders, set(names), set(silent), starting_with, state, after)
    before, runs = told.last
    if before == asked:
        yield from runs
        return
    listed = [
        entry
        for entry in folders
        if entry.name.startswith(starting_with)
        and state in ("", entry.state)
        and entry.created_at > after
        and not (entry.name in names or entry.id in names or entry.owner in names)
    ]
    listed.sort(key=lambda entry: entry.created_at, reverse=True)
    of_engines: dict[str, Mapping[str, Run]] = {}
    found: list[Run] = []
    for start in range(0, len(listed), _BATCH):
        part = [(entry, _engine_of(here, entry) in silent) for entry in listed[start:][:_BATCH]]
        new = [entry for entry, is_silent in part if not (is_silent or told.get(entry, is_silent))]
        known = _known(here, new, of_engines)
        for entry, is_silent in part:
            run = told.get(entry, is_silent) or known.get(entry.name)
            run = run or _forgotten(here, entry, is_silent=is_silent)
            told.keep(entry, is_silent, run)
            found.append(run)
            yield run
    if all(entry.is_settled for entry in listed):
        told.last = (asked, tuple(found))


def _forgotten(here: Installation, entry: Recorded, *, is_silent: bool) -> Run:
    """Give a run that nothing but its folder tells of."""
    engine, ending = _engine_of(here, entry), entry.ending
    if is_silent:
        message = said(
            "Engine '{engine}' does not answer; how the run is doing is not known.", engine=engine
        )
    elif engine not in here.settings.engines:
        message = said(
            "Engine '{engine}' is not among those set up here; the run's folder is.", engine=engine
        )
    else:
        message = said(
            "Engine '{engine}' does not know this run; its folder is there.", engine=engine
        )
    return Run(
        id=entry.name,
        uid="",
        launch=entry.name,
        engine=engine,
        state=ending.state,
        created_at=entry.created_at,
        started_at=ending.started_at,
        finished_at=ending.finished_at,
        steps=ending.steps,
        message=sentences(ending.message, message),
    )


def _known(
    here: Installation, entries: Sequence[Recorded], of_engines: dict[str, Mapping[str, Run]]
) -> dict[str, Run]:
    """Give the runs that engines know, by the names of their folders.

    An engine is asked for each, or for all of its runs, which `of_engines` keeps. That it does not
    know one is kept, unless it was launched so lately that it may be on its way.
    """
    lately = utc_at(time.time() - _ON_ITS_WAY_S)
    known: dict[str, Run] = {}
    unknown: dict[str, str] = {}
    for name in here.settings.engines:
        engine = here.engine(name)
        asked = [
            entry
            for entry in entries
            if _engine_of(here, entry) == name and entry.unknown_to != name
        ]
        if len(asked) > _ASKED_SINGLY and name not in of_engines:
            of_engines[name] = _by_name(here, engine)
        for entry in asked:
            run = _ask_for(engine, _owners(entry), of_engines.get(name))
            if run:
                known[entry.name] = run
            elif entry.created_at < lately:
                unknown[entry.name] = name
    here.folders.set_unknown(unknown)
    return known


def _by_name(here: Installation, engine: Engine) -> dict[str, Run]:
    runs = here.ask(engine, lambda: list(paged(engine)))
    return {name: run for run in runs for name in (run.id, run.launch, run.uid) if name}


def _engine_of(here: Installation, entry: Recorded) -> str:
    return entry.engine or here.settings.engine


def _owners(entry: Recorded) -> list[str]:
    return [name for name in (entry.id, entry.owner) if name]


def _ask_for(engine: Engine, names: Iterable[str], listed: Mapping[str, Run] | None) -> Run | None:
    for name in names:
        if listed is not None and name in listed:
            return listed[name]
        if listed is None:
            with suppress(RunNotFound):
                return engine.get(name)
    return None
