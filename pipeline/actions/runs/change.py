"""Changing runs: stopping, retrying, deleting and tracking them, and what people say about them."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.actions.runs.find import (
    deleted,
    find,
    folder_of,
    is_only_recorded,
    remember_deleted,
)
from pipeline.actions.runs.model import InMlflow
from pipeline.core.errors import FileMissing, NotFound, RunNotFound, SlipwayError, UsageError
from pipeline.core.said import said
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.run_note import RunNote, load_note, save_note, tags_of
from pipeline.engines.base import Run

# Longer than a step may take to stop: 30 s on either engine, and what is noted afterwards.
_STOP_S = 45.0


@dataclass(frozen=True)
class Deleted:
    """A run that was deleted.

    Parameters
    ----------
    id, launch
        What it was called.
    freed_bytes
        What is free again on the volume; deleting again frees nothing and is no mistake.
    folder
        The one that is gone; None when it had gone before.
    stays
        Where MLflow keeps it.
    """

    id: str
    launch: str
    freed_bytes: int = 0
    folder: RunFolder | None = None
    stays: InMlflow = field(default_factory=InMlflow)


def stop(here: Installation, run: str) -> Run:
    """Ask a run to stop; it is `stopped` soon after."""
    return _asked(here, run, "stop")


def retry(here: Installation, run: str) -> Run:
    """Go on with a failed or stopped run at the step that failed."""
    found = _asked(here, run, "retry")
    folder = folder_of(here, found)
    if not found.state.is_finished and folder.path.is_dir():
        with suppress(OSError):  # a volume that may only be read has none
            folder.ended.unlink()
        here.folders.look_at(folder.name)
    return found


def delete(here: Installation, run: str) -> Deleted:
    """Stop a run, forget it and remove its folder; what MLflow has stays.

    Raises
    ------
    SlipwayError
        The run does not stop; nothing was deleted.
    """
    before = deleted(here, run)
    try:
        found = find(here, run)
    except NotFound:
        if before is None:
            raise
        return Deleted(before["run"], before["launch"])
    folder = folder_of(here, found)
    tracking = here.tracking
    stays = InMlflow(tracking.run_id(folder.name), tracking.run_url(folder.name))
    if not is_only_recorded(found):
        _stop_and_wait(here, found)
        here.engine(found.engine).delete(found.id)
    else:
        _require_unknown(here, found)
    remember_deleted(here, found)
    return Deleted(found.id, found.launch, _remove(folder.path), folder, stays)


def track(here: Installation, run: str) -> tuple[Run, int]:
    """Fill MLflow from the run folder; what is there already is left alone.

    Returns
    -------
    tuple
        The run, and how many values and files were logged.

    Raises
    ------
    FileMissing
        The run has left nothing to track.
    TrackingUnreachable
        MLflow did not answer; calling again is safe.
    """
    from pipeline.tracking import writer  # reads all of a run's files; only this command needs it

    found = find(here, run)
    folder = folder_of(here, found)
    if not folder.launch.is_file():
        raise FileMissing(
            said("run {run} has no launch.json to track from.", run=found.launch or found.id),
            where=str(folder.launch),
            next=said("Wait until its verify step is done."),
        )
    logged = writer.track(folder, here.settings)
    here.tracking.was_written(folder.name)
    here.folders.look_at(folder.name)
    return found, logged


def annotate(here: Installation, run: str, text: str, tags: Iterable[str]) -> RunNote:
    """Write a run's note and tags, and bring them to MLflow; what was there is replaced.

    Raises
    ------
    TrackingUnreachable
        The note is kept, but MLflow does not have it; the next step of the run, or ``track``,
        brings it there.
    """
    note = _change(here, run, text=text.strip(), tags=tags_of(tags))
    folder = folder_of(here, find(here, run))
    if folder.mlflow.is_file():
        from pipeline.tracking.writer import RunWriter  # it imports mlflow, and lists do not

        RunWriter(folder, here.settings).note()
    return note


def archive(here: Installation, run: str, *, is_archived: bool = True) -> RunNote:
    """Leave a run out of lists, or take it back in; its files stay."""
    return _change(here, run, is_archived=is_archived)


def folder_bytes(here: Installation, runs: Sequence[str]) -> int:
    """Give what deleting these runs would free on the volume."""
    folders = [folder_of(here, find(here, run)).path for run in runs]
    files = (path for folder in folders for path in folder.rglob("*") if not path.is_dir())
    return sum(path.lstat().st_size for path in files)


def _change(here: Installation, run: str, **values: Any) -> RunNote:
    folder = folder_of(here, find(here, run))
    if not folder.path.is_dir():
        raise FileMissing(
            said("{name} has no folder on the volume yet.", name=folder.name),
            where=str(folder.path),
            next=said("Wait until its verify step has begun."),
        )
    note = replace(load_note(folder), **values)
    save_note(folder, note)
    here.folders.look_at(folder.name)
    return note


def _asked(here: Installation, run: str, action: str) -> Run:
    found = find(here, run)
    if not is_only_recorded(found):
        engine = here.engine(found.engine)
        getattr(engine, action)(found.id)
        return engine.get(found.id)
    _require_unknown(here, found)
    raise NotFound(found.message, next=said("Launch it again with 'slipway clone'."))


def _require_unknown(here: Installation, run: Run) -> None:
    """Make sure that the engine has no such run: one that cannot be asked may be running it."""
    if run.engine not in here.settings.engines:
        raise UsageError(
            said(
                "{launch} was launched on engine '{engine}', which is not set up here.",
                launch=run.launch,
                engine=run.engine,
            ),
            where="SLIPWAY_ENGINES",
            next=said("Set up '{engine}' to ask it.", engine=run.engine),
        )
    try:
        here.engine(run.engine).get(run.launch)
    except RunNotFound:
        return
    raise SlipwayError(
        said("engine '{engine}' has just found {launch}.", engine=run.engine, launch=run.launch),
        next=said("Try again."),
    )


def _stop_and_wait(here: Installation, run: Run) -> None:
    """Wait until no step writes into the folder any more."""
    engine = here.engine(run.engine)
    deadline = time.monotonic() + _STOP_S
    engine.stop(run.id)
    while not engine.get(run.id).state.is_finished:
        if time.monotonic() > deadline:
            raise SlipwayError(
                said(
                    "run {run} has not stopped within {limit_s:.0f} s.",
                    run=run.launch or run.id,
                    limit_s=_STOP_S,
                ),
                next=said("It goes on stopping: look at its log, then delete it again."),
            )
        time.sleep(0.2)


def _remove(folder: Path) -> int:
    """Remove a run folder, out of sight at once, and give the bytes that this frees."""
    if not folder.is_dir():
        return 0
    hidden = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    os.rename(folder, hidden)
    freed = sum(path.lstat().st_size for path in hidden.rglob("*") if not path.is_dir())
    shutil.rmtree(hidden)
    return freed
