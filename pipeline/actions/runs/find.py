"""Which runs there are: all engines' runs, and launches on the volume that no engine knows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice

from pipeline.actions.installation import Installation
from pipeline.actions.last_seen import Outage
from pipeline.actions.runs.from_folders import runs_of_folders
from pipeline.core.errors import EngineUnreachable, RunNotFound, SlipwayError
from pipeline.core.files import read_text
from pipeline.core.launch.launch import Launch, load_launch
from pipeline.core.said import said
from pipeline.core.volume.run_folder import RunFolder, folder_of_run, run_folder
from pipeline.engines.base import Engine, Run, paged
from pipeline.tracking.elsewhere import is_elsewhere

_FIRST_LOOK = 50
# So many are asked of an engine at each look for all; older ones are told by their folders.
_LISTED = 1000
# A page waits for this one; lists of a large installation may take longer.
_GET_S = 3.0
_LIST = said("See 'slipway runs'.")


@dataclass(frozen=True)
class Found:
    """Runs of all engines.

    Parameters
    ----------
    runs
        Newest first; those of an engine that does not answer are as last seen.
    outages
        The engines that do not answer.
    """

    runs: tuple[Run, ...]
    outages: tuple[Outage, ...] = ()


def find(here: Installation, run: str) -> Run:
    """Find a run by launch id, engine's run id, or a unique prefix of either.

    A run of an engine that does not answer is given as it was last seen.

    Raises
    ------
    RunNotFound
        Nothing fits, or several runs do; the message names them.
    EngineUnreachable
        No engine that answers has it, and one does not answer.
    """
    if not run.strip():
        raise RunNotFound(said("An empty text names no run."), next=_LIST)
    if is_elsewhere(run):
        raise RunNotFound(
            said(
                "{run} is a run of MLflow that Slipway did not launch: it can be looked at only.",
                run=run,
            ),
            next=said("Stop, change or delete it where it was started, or in MLflow."),
        )
    for engine in _likely_first(here, run):
        try:
            found = here.ask(engine, engine.get, run, limit_s=_GET_S)
        except (RunNotFound, EngineUnreachable):
            continue  # a prefix, a folder or what was last seen may fit
        here.last_seen.see_one(found)
        return found
    entries, outages = _everything(here, run)
    fitting = [
        entry for entry in entries if any(name.startswith(run) for name in _names(here, entry))
    ]
    exact = [entry for entry in fitting if run in _names(here, entry)]
    if len(exact) == 1 or len(fitting) == 1:
        return (exact or fitting)[0]
    if not fitting and outages:
        raise EngineUnreachable(
            said(
                "whether there is a run '{run}' is not known: {reason}",
                run=run,
                reason=outages[0].message,
            ),
            where=f"engine {outages[0].engine}",
            next=outages[0].next,
        )
    if not fitting:
        raise RunNotFound(said("There is no run '{run}'.", run=run), next=_LIST)
    names = ", ".join(sorted(entry.launch or entry.id for entry in fitting)[:5])
    raise RunNotFound(
        said(
            "'{run}' fits {count} runs: {names}.",
            run=run,
            count=len(fitting),
            names=names + (", …" if len(fitting) > 5 else ""),
        ),
        next=said("Write more of the id."),
    )


def newest(here: Installation, *, state: str = "", limit: int | None = 50) -> Found:
    """Give runs of all engines, newest first, and launches on the volume that none knows.

    Parameters
    ----------
    state
        Only runs in this state, when given.
    limit
        How many at most; None gives all.
    """
    runs: list[Run] = []
    names: set[str] = set()
    outages = []
    for name, engine in here.engines.items():
        try:
            seen, chosen = here.ask(engine, _look, engine, state, limit or _LISTED)
            here.last_seen.see(name, seen)
        except EngineUnreachable as reason:
            outages.append(here.last_seen.outage(name, reason))
            seen = here.last_seen.runs(name)
            chosen = [run for run in seen if state in ("", run.state)]
        names.update(name for run in seen for name in (run.id, run.launch, run.uid))
        runs += chosen
    runs = sorted(runs, key=lambda run: run.created_at, reverse=True)[:limit]
    oldest = runs[-1].created_at if len(runs) == limit else ""
    silent = {outage.engine for outage in outages}
    runs += islice(runs_of_folders(here, names, silent, state=state, after=oldest), limit)
    ordered = sorted(runs, key=lambda run: run.created_at, reverse=True)
    return Found(tuple(ordered[:limit]), tuple(outages))


def folder_of(here: Installation, run: Run) -> RunFolder:
    """Give a run's folder on the volume; it need not exist."""
    if is_only_recorded(run):
        return run_folder(here.volume, run.launch)
    return folder_of_run(here.volume, run.launch, run.uid)


def is_only_recorded(run: Run) -> bool:
    """Say whether there is nothing but a folder: the engine does not know the run."""
    return not run.uid and run.id == run.launch


def record_of(folder: RunFolder) -> Launch | None:
    """Give what was asked for, or None when nothing (readable) says so."""
    try:
        return load_launch(folder.launch)
    except SlipwayError:  # started in the engine's own UI and not verified yet, or damaged
        return None


def remember_deleted(here: Installation, run: Run) -> None:
    """Keep the ids of a deleted run, so that deleting it again is not a mistake."""
    path = here.settings.state / "deleted.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps({"run": run.id, "launch": run.launch}) + "\n")


def deleted(here: Installation, run: str) -> dict[str, str] | None:
    """Give the ids of a run that was deleted here, by either of them."""
    path = here.settings.state / "deleted.jsonl"
    if not path.is_file():
        return None
    for line in reversed(read_text(path).splitlines()):
        ids: dict[str, str] = json.loads(line)
        if run in ids.values():
            return ids
    return None


def _names(here: Installation, run: Run) -> set[str]:
    """Give what a person may call a run; a clone made in the KFP UI has a folder of its own."""
    return {run.id, run.launch, folder_of(here, run).name} - {""}


def _likely_first(here: Installation, run: str) -> list[Engine]:
    """Give the engines, the one that the record names first: the others need not be asked."""
    is_folder = "/" not in run and run.strip(".") != ""
    record = record_of(run_folder(here.volume, run)) if is_folder else None
    named = record.engine if record else ""
    ordered = sorted(here.settings.engines, key=lambda name: name != named)
    return [here.engine(name) for name in ordered]


def _look(engine: Engine, state: str, limit: int) -> tuple[list[Run], list[Run]]:
    """Give the runs that were looked at, and those of them that are in a state."""
    seen: list[Run] = []
    chosen: list[Run] = []
    for run in paged(engine, max(limit, _FIRST_LOOK)):
        seen.append(run)
        chosen += [run] if state in ("", run.state) else []
        if len(chosen) >= limit and len(seen) >= _FIRST_LOOK:
            break
    return seen, chosen


def of_all_engines(here: Installation) -> tuple[list[Run], list[Outage]]:
    """Give all runs; those of an engine that does not answer as they were last seen."""
    runs: list[Run] = []
    outages = []
    for name, engine in here.engines.items():
        try:
            runs += here.ask(engine, list, paged(engine))
        except EngineUnreachable as reason:
            outages.append(here.last_seen.outage(name, reason))
            runs += here.last_seen.runs(name)
    return runs, outages


def _everything(here: Installation, starting_with: str) -> tuple[list[Run], list[Outage]]:
    runs, outages = of_all_engines(here)
    names = {name for run in runs for name in (run.id, run.launch, run.uid)}
    silent = {outage.engine for outage in outages}
    runs += runs_of_folders(here, names, silent, starting_with=starting_with)
    return runs, outages
