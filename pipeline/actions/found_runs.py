"""Which runs there are: the engine's, and launches on the volume that the engine does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from pipeline.core.errors import RunNotFound, SlipwayError
from pipeline.core.files import read_text
from pipeline.core.launch import Launch, load_launch
from pipeline.core.run_folder import RunFolder, folder_of_run, list_run_folders, run_folder
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume import Volume
from pipeline.engines.base import Engine, Run
from pipeline.engines.registry import make_engine

_PAGE = 200
_LIST = "See 'python -m pipeline runs'."


def find(settings: Settings, run: str) -> Run:
    """Find a run by launch id, engine's run id, or a unique prefix of either.

    Raises
    ------
    RunNotFound
        Nothing fits, or several runs do; the message names them.
    EngineUnreachable
        The engine cannot be asked.
    """
    if not run.strip():
        raise RunNotFound("An empty text names no run.", next=_LIST)
    engine = make_engine(settings)
    try:
        return engine.get(run)
    except RunNotFound:
        pass  # not a whole id of the engine's; a prefix or a folder may fit
    found = [
        entry
        for entry in (*all_runs(engine), *_unknown_to(engine, settings, starting_with=run))
        if any(name.startswith(run) for name in _names(settings, entry))
    ]
    exact = [entry for entry in found if run in _names(settings, entry)]
    if len(exact) == 1 or len(found) == 1:
        return (exact or found)[0]
    if not found:
        raise RunNotFound(f"There is no run '{run}'.", next=_LIST)
    names = ", ".join(sorted(entry.launch or entry.id for entry in found)[:5])
    raise RunNotFound(
        f"'{run}' fits {len(found)} runs: {names}{', …' if len(found) > 5 else ''}.",
        next="Write more of the id.",
    )


def newest(settings: Settings, *, state: str = "", limit: int = 50) -> list[Run]:
    """Give runs, newest first, among them launches on the volume that the engine does not know."""
    engine = make_engine(settings)
    known = list(islice((run for run in all_runs(engine) if state in ("", run.state)), limit))
    if state not in ("", State.UNKNOWN):
        return known
    oldest = known[-1].created_at if len(known) == limit else ""
    others = [run for run in _unknown_to(engine, settings) if run.created_at > oldest]
    return sorted((*known, *others), key=lambda run: run.created_at, reverse=True)[:limit]


def all_runs(engine: Engine) -> Iterator[Run]:
    """Give the engine's runs, newest first, page by page."""
    token = ""
    while True:
        page = engine.list_runs(limit=_PAGE, token=token)
        yield from page.runs
        token = page.next_token
        if not token:
            return


def folder_of(settings: Settings, run: Run) -> RunFolder:
    """Give a run's folder on the volume; it need not exist."""
    volume = Volume(settings.volume, settings.data_roots)
    if is_only_recorded(run):
        return run_folder(volume, run.launch)
    return folder_of_run(volume, run.launch, run.uid)


def is_only_recorded(run: Run) -> bool:
    """Say whether there is nothing but a folder: the engine does not know the run."""
    return not run.uid and run.id == run.launch


def record_of(folder: RunFolder) -> Launch | None:
    """Give what was asked for, or None when nothing (readable) says so."""
    try:
        return load_launch(folder.launch)
    except SlipwayError:  # started in the engine's own UI and not verified yet, or damaged
        return None


def remember_deleted(settings: Settings, run: Run) -> None:
    """Keep the ids of a deleted run, so that deleting it again is not a mistake."""
    path = settings.state / "deleted.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps({"run": run.id, "launch": run.launch}) + "\n")


def deleted(settings: Settings, run: str) -> dict[str, str] | None:
    """Give the ids of a run that was deleted here, by either of them."""
    path = settings.state / "deleted.jsonl"
    if not path.is_file():
        return None
    for line in reversed(read_text(path).splitlines()):
        ids: dict[str, str] = json.loads(line)
        if run in ids.values():
            return ids
    return None


def _names(settings: Settings, run: Run) -> set[str]:
    """Give what a person may call a run; a clone made in the KFP UI has a folder of its own."""
    return {run.id, run.launch, folder_of(settings, run).name} - {""}


def _unknown_to(engine: Engine, settings: Settings, starting_with: str = "") -> Iterator[Run]:
    """Give launches that are recorded on the volume only: the engine lost or never had them."""
    volume = Volume(settings.volume, settings.data_roots)
    for folder in list_run_folders(volume):
        record = record_of(folder) if folder.name.startswith(starting_with) else None
        if record and not _knows(engine, folder, record):
            yield Run(
                id=folder.name,
                uid="",
                launch=folder.name,
                engine=engine.name,
                state=State.UNKNOWN,
                created_at=record.created_at,
                message=f"Engine '{engine.name}' does not know this run; its folder is there.",
            )


def _knows(engine: Engine, folder: RunFolder, record: Launch) -> bool:
    names = [record.id]
    if folder.owner.is_file():
        names.append(read_text(folder.owner).strip())
    for name in names:
        try:
            engine.get(name)
            return True
        except RunNotFound:
            continue
    return False
