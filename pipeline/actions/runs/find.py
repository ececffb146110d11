"""Which runs there are: all engines' runs, and launches on the volume that no engine knows."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pipeline.actions.installation import Installation
from pipeline.actions.last_seen import Outage
from pipeline.actions.run_folders import Recorded
from pipeline.core.clock import utc_at
from pipeline.core.errors import EngineUnreachable, RunNotFound, SlipwayError
from pipeline.core.files import read_text
from pipeline.core.launch.launch import Launch, load_launch
from pipeline.core.said import said
from pipeline.core.volume.run_folder import RunFolder, folder_of_run, run_folder
from pipeline.engines.base import Engine, Run
from pipeline.tracking.elsewhere import is_elsewhere

_PAGE = 200
_FIRST_LOOK = 50
_ASKED_SINGLY = 50
_ON_ITS_WAY_S = 600.0
# A page waits for this one; lists of a large installation may take longer.
_GET_S = 3.0
_LIST = said("See 'python -m pipeline runs'.")


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


def newest(here: Installation, *, state: str = "", limit: int = 50) -> Found:
    """Give runs of all engines, newest first, and launches on the volume that none knows."""
    runs: list[Run] = []
    names: set[str] = set()
    outages = []
    for name, engine in here.engines.items():
        try:
            seen, chosen = here.ask(engine, _look, engine, state, limit)
            here.last_seen.see(name, seen)
        except EngineUnreachable as reason:
            outages.append(here.last_seen.outage(name, reason))
            seen = here.last_seen.runs(name)
            chosen = [run for run in seen if state in ("", run.state)]
        names.update(name for run in seen for name in (run.id, run.launch, run.uid))
        runs += chosen
    runs = sorted(runs, key=lambda run: run.created_at, reverse=True)[:limit]
    oldest = runs[-1].created_at if len(runs) == limit else ""
    runs += islice(_on_the_volume_only(here, names, outages, state=state, after=oldest), limit)
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
    for run in _paged(engine, max(limit, _FIRST_LOOK)):
        seen.append(run)
        chosen += [run] if state in ("", run.state) else []
        if len(chosen) >= limit and len(seen) >= _FIRST_LOOK:
            break
    return seen, chosen


def _paged(engine: Engine, page: int = _PAGE) -> Iterator[Run]:
    token = ""
    while True:
        found = engine.list_runs(limit=min(page, _PAGE), token=token)
        yield from found.runs
        token = found.next_token
        if not token:
            return


def of_all_engines(here: Installation) -> tuple[list[Run], list[Outage]]:
    """Give all runs; those of an engine that does not answer as they were last seen."""
    runs: list[Run] = []
    outages = []
    for name, engine in here.engines.items():
        try:
            runs += here.ask(engine, list, _paged(engine))
        except EngineUnreachable as reason:
            outages.append(here.last_seen.outage(name, reason))
            runs += here.last_seen.runs(name)
    return runs, outages


def _everything(here: Installation, starting_with: str) -> tuple[list[Run], list[Outage]]:
    runs, outages = of_all_engines(here)
    names = {name for run in runs for name in (run.id, run.launch, run.uid)}
    runs += _on_the_volume_only(here, names, outages, starting_with=starting_with)
    return runs, outages


def _on_the_volume_only(
    here: Installation,
    names: set[str],
    outages: Iterable[Outage],
    *,
    starting_with: str = "",
    state: str = "",
    after: str = "",
) -> Iterator[Run]:
    """Give launches that are recorded and that no engine has listed, newest first."""
    silent = {outage.engine for outage in outages}
    listed = [
        entry
        for entry in here.folders.all()
        if entry.record
        and entry.name.startswith(starting_with)
        and state in ("", entry.ended["state"])
        and entry.created_at > after
        and not names & {entry.name, *_owners(entry)}
    ]
    listed.sort(key=lambda entry: entry.created_at, reverse=True)
    ids: dict[str, set[str]] = {}
    for start in range(0, len(listed), _PAGE):
        part = listed[start : start + _PAGE]
        asked = [entry for entry in part if _engine_of(here, entry) not in silent]
        known = _known(here, asked, ids)
        for entry in part:
            if entry.name not in known:
                yield _forgotten(here, entry, silent)


def _forgotten(here: Installation, entry: Recorded, silent: Collection[str]) -> Run:
    """Give a run that nothing but its folder tells of."""
    engine, ending = _engine_of(here, entry), entry.ending
    if engine in silent:
        message = f"Engine '{engine}' does not answer; how the run is doing is not known."
    elif engine not in here.settings.engines:
        message = f"Engine '{engine}' is not among those set up here; the run's folder is."
    else:
        message = f"Engine '{engine}' does not know this run; its folder is there."
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
        message=f"{ending.message} {message}".strip(),
    )


def _known(here: Installation, entries: Sequence[Recorded], ids: dict[str, set[str]]) -> set[str]:
    """Give the names of the folders whose runs their engines know.

    An engine is asked for each, or for all of its runs, which `ids` keeps. That it does not know
    one is kept, unless it was launched so lately that it may be on its way.
    """
    lately = utc_at(time.time() - _ON_ITS_WAY_S)
    known: set[str] = set()
    unknown: dict[str, str] = {}
    for name in here.settings.engines:
        engine = here.engine(name)
        asked = [
            entry
            for entry in entries
            if _engine_of(here, entry) == name and entry.unknown_to != name
        ]
        if len(asked) > _ASKED_SINGLY and name not in ids:
            ids[name] = _all_names(here, engine)
        for entry in asked:
            if _knows(engine, _owners(entry), ids.get(name)):
                known.add(entry.name)
            elif entry.created_at < lately:
                unknown[entry.name] = name
    here.folders.set_unknown(unknown)
    return known


def _all_names(here: Installation, engine: Engine) -> set[str]:
    runs: list[Run] = here.ask(engine, list, _paged(engine))
    return {name for run in runs for name in (run.id, run.launch, run.uid)}


def _engine_of(here: Installation, entry: Recorded) -> str:
    assert entry.record is not None
    return str(entry.record["engine"] or here.settings.engine)


def _owners(entry: Recorded) -> list[str]:
    assert entry.record is not None
    return [name for name in (entry.record["id"], entry.owner) if name]


def _knows(engine: Engine, names: Iterable[str], ids: Collection[str] | None) -> bool:
    if ids is not None:
        return any(name in ids for name in names)
    for name in names:
        try:
            engine.get(name)
            return True
        except RunNotFound:
            continue
    return False
