"""What an engine's runs were when they were last seen, for the time when it does not answer."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline.core.clock import utc_at
from pipeline.core.engines import traits_of
from pipeline.core.errors import EngineUnreachable, SlipwayError
from pipeline.core.files import read_bytes, write_json
from pipeline.core.said import said, sentences
from pipeline.engines.base import Run

_KEPT = 200
_LIMIT_BYTES = 16 << 20


@dataclass(frozen=True)
class Outage:
    """An engine that does not answer.

    Parameters
    ----------
    engine
        Its name.
    message, next
        What is wrong and what to do.
    seen_at
        When its runs were last seen (ISO 8601, UTC); empty when never.
    """

    engine: str
    message: str
    next: str
    seen_at: str


class LastSeen:
    """Keeps the engines' newest runs.

    Parameters
    ----------
    folder
        Has a file for each engine.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, tuple[Run, ...]] = {}

    def outage(self, engine: str, reason: EngineUnreachable) -> Outage:
        """Say what is known of an engine that does not answer."""
        path = self._path(engine)
        seen_at = utc_at(path.stat().st_mtime) if path.is_file() else ""
        return Outage(engine, reason.message, reason.next, seen_at)

    def runs(self, engine: str) -> list[Run]:
        """Give an engine's runs as they were last seen, each saying when."""
        path = self._path(engine)
        if not path.is_file():
            return []
        at = f"{datetime.fromtimestamp(path.stat().st_mtime, UTC):%d %b %H:%M}"
        seen = said("Last seen {at} UTC.", at=at)
        return [replace(run, message=sentences(run.message, seen)) for run in _read(path)]

    def see(self, engine: str, runs: Sequence[Run]) -> None:
        """Remember an engine's newest runs.

        One that is no server keeps its own in the same folder; there is nothing to gain from a
        second.
        """
        if not traits_of(engine).in_cluster:
            return
        oldest = min((run.created_at for run in runs), default="")
        older = [run for run in self._before(engine) if run.created_at < oldest]
        self._keep(engine, (*runs, *older)[:_KEPT], time.time())

    def see_one(self, run: Run) -> None:
        """Remember how one run is doing, so that an outage does not show it as it was before."""
        kept = self._before(run.engine)
        if any(entry.id == run.id for entry in kept):  # others were not looked at: their time stays
            now = tuple(run if entry.id == run.id else entry for entry in kept)
            self._keep(run.engine, now, self._path(run.engine).stat().st_mtime)

    def _path(self, engine: str) -> Path:
        return self._folder / f"{engine}.json"

    def _before(self, engine: str) -> tuple[Run, ...]:
        path = self._path(engine)
        if not path.is_file():
            return ()
        return self._kept.get(engine) or tuple(_read(path))

    def _keep(self, engine: str, runs: tuple[Run, ...], seen_at: float) -> None:
        path = self._path(engine)
        try:
            if not path.is_file() or runs != self._kept.get(engine):
                write_json(path, [asdict(run) for run in runs])
            os.utime(path, (seen_at, seen_at))
        except OSError:
            return  # a full disk must not hide the runs; `doctor` names it
        self._kept[engine] = runs


def _read(path: Path) -> list[Run]:
    """Read what was kept; a damaged file is no more than nothing kept."""
    try:
        kept = json.loads(read_bytes(path, limit_bytes=_LIMIT_BYTES))
        return [Run.from_dict(entry) for entry in kept]
    except (SlipwayError, ValueError, TypeError, KeyError):
        return []
