"""Housekeeping: which finished runs may go by age or number, and what nobody owns any more."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.actions.installation import Installation
from pipeline.actions.runs import change
from pipeline.actions.runs.find import Found, folder_of, is_only_recorded, newest, record_of
from pipeline.actions.upkeep.volume_use import bytes_of
from pipeline.core.volume.run_folder import RUNS
from pipeline.engines.base import Run

_HIDDEN_FOLDER = re.compile(r"\..+\.[0-9a-f]{8}")
_TEMPORARY = re.compile(r"\..+\.tmp|\.runs\.db\.[0-9a-f]{8}")
# Whoever still writes has touched it since.
_FORGOTTEN_S = 24 * 3600.0


@dataclass(frozen=True)
class Item:
    """One thing that a clean-up deletes.

    Parameters
    ----------
    kind
        ``run``, or ``leftover``: files of a deletion or a write that a kill cut short.
    name
        Launch id, or the path.
    bytes
        What deleting it frees.
    why
        Why it may go.
    """

    kind: str
    name: str
    bytes: int
    why: str


@dataclass(frozen=True)
class CleanUp:
    """What a clean-up would do.

    Parameters
    ----------
    items
        What it deletes, runs first.
    spared
        Launches that the rules let go and that stay, with the reason.
    """

    items: tuple[Item, ...] = ()
    spared: dict[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """What it frees."""
        return sum(item.bytes for item in self.items)


def plan(
    here: Installation,
    *,
    keep: int | None = None,
    older_than_days: float | None = None,
    archived: bool = False,
    now: datetime | None = None,
) -> CleanUp:
    """Say what a clean-up would delete; nothing is touched.

    A finished run goes when every rule that is given lets it go; without a rule no run does.
    Candidates, production, and runs whose weights an unfinished run starts from always stay.

    Parameters
    ----------
    keep
        So many of the newest finished runs stay.
    older_than_days
        Runs that ended later stay.
    archived
        Only archived runs go.
    now
        The time; given by tests.

    Raises
    ------
    TrackingUnreachable
        The rules let runs go, and MLflow does not say which are candidates or production.
    """
    found = newest(here, limit=None)
    chosen = _chosen(here, found, keep, older_than_days, archived, now or datetime.now(UTC))
    spared = _spared(here, found, chosen) if chosen else {}
    items = []
    for run, why in chosen:
        folder = folder_of(here, run)
        if folder.name not in spared:
            items.append(Item("run", folder.name, bytes_of(folder.path), why))
    return CleanUp((*items, *_leftovers(here)), spared)


def clean(here: Installation, planned: CleanUp) -> int:
    """Delete what was planned and give the bytes that are free again; a repeat does no harm."""
    freed = 0
    for item in planned.items:
        if item.kind == "run":
            freed += change.delete(here, item.name).freed_bytes
            continue
        path = Path(item.name)
        freed += item.bytes if path.exists() else 0
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return freed


def _chosen(
    here: Installation,
    found: Found,
    keep: int | None,
    older_than_days: float | None,
    archived: bool,
    now: datetime,
) -> list[tuple[Run, str]]:
    """Give the runs that every rule lets go, newest first, with what lets them."""
    if keep is None and older_than_days is None and not archived:
        return []
    silent = {outage.engine for outage in found.outages}
    finished = [run for run in found.runs if run.state.is_finished and run.engine not in silent]
    rules: list[tuple[str, Callable[[int, Run], bool]]] = []
    if keep is not None:
        rules.append((f"not among the newest {keep}", lambda place, _: place >= keep))
    if older_than_days is not None:
        limit = now - timedelta(days=older_than_days)
        rules.append((f"older than {older_than_days:g} days", lambda _, run: _ended(run) < limit))
    if archived:
        set_aside = {folder.name for folder in here.folders.all() if folder.note.is_archived}
        rules.append(("archived", lambda _, run: folder_of(here, run).name in set_aside))
    why = ", ".join(name for name, _ in rules)
    return [
        (run, why)
        for place, run in enumerate(finished)
        if not is_only_recorded(run) and all(allows(place, run) for _, allows in rules)
    ]


def _ended(run: Run) -> datetime:
    return datetime.fromisoformat(run.finished_at or run.created_at)


def _spared(here: Installation, found: Found, chosen: Sequence[tuple[Run, str]]) -> dict[str, str]:
    from pipeline.tracking.registry import marks  # imports mlflow, which takes a second

    stages = marks(here.tracking)
    names = [folder_of(here, run).name for run, _ in chosen]
    spared = {name: f"it is {' and '.join(stages[name])}" for name in names if stages.get(name)}
    for run in found.runs:
        record = None if run.state.is_finished else record_of(folder_of(here, run))
        parts = Path(record.model_path).parts if record else ()
        if len(parts) > 1 and parts[0] == RUNS and parts[1] in names:
            spared[parts[1]] = f"{run.launch} starts from its weights"
    return spared


def _leftovers(here: Installation) -> Iterator[Item]:
    """Give the files that a killed process left and that nobody will ask for again."""
    for engine in here.engines.values():
        for path in engine.leftovers():
            yield Item("leftover", str(path), bytes_of(path), "the engine has no such run")
    base = here.settings.volume / RUNS
    for path in sorted(base.glob(".*")) if base.is_dir() else ():
        if path.is_dir() and _HIDDEN_FOLDER.fullmatch(path.name) and _is_forgotten(path):
            yield Item("leftover", str(path), bytes_of(path), "a deletion or launch was cut short")
    for folder in (base, here.settings.state):
        for place, names, files in os.walk(folder):
            names[:] = [name for name in names if not _HIDDEN_FOLDER.fullmatch(name)]
            for name in filter(_TEMPORARY.fullmatch, files):
                path = Path(place, name)
                if _is_forgotten(path):
                    yield Item("leftover", str(path), bytes_of(path), "a write was cut short")


def _is_forgotten(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _FORGOTTEN_S
    except FileNotFoundError:
        return False
