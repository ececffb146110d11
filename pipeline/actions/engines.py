"""The engines that are offered, and what is known of one that does not answer."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pipeline.core.clock import utc_at
from pipeline.core.engines import traits_of
from pipeline.core.errors import EngineUnreachable, SlipwayError
from pipeline.core.files import read_bytes, write_json
from pipeline.core.outages import Outages, within
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine, Run, Step
from pipeline.engines.registry import make_engine

_T = TypeVar("_T")
_PAGE = 200
_KEPT = 200
_LIMIT_BYTES = 16 << 20
# A page that refreshes every few seconds must not wait for a time-out each time.
OUTAGES = Outages()
_kept_runs: dict[Path, tuple[Run, ...]] = {}


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


def engine_of(settings: Settings, name: str = "") -> Engine:
    """Give the engine of a name, else the one of the settings; made once, as it is thread-safe."""
    return _made(settings, name or settings.engine)


def engines_of(settings: Settings) -> dict[str, Engine]:
    """Give all engines that are offered, by name."""
    return {name: engine_of(settings, name) for name in settings.engines}


def ask(
    engine: Engine, question: Callable[..., _T], *words: Any, limit_s: float | None = None
) -> _T:
    """Ask an engine a question with these words, unless it has just not answered.

    Parameters
    ----------
    limit_s
        How long to wait for the answer; None waits as long as the engine's own client does.

    Raises
    ------
    EngineUnreachable
        It does not answer, or did not a while ago.
    """

    def in_time() -> _T:
        if limit_s is None:
            return question(*words)
        try:
            return within(limit_s, lambda: question(*words))
        except TimeoutError:
            raise EngineUnreachable(
                f"engine '{engine.name}' gave no answer within {limit_s:g} s.",
                next="Runs go on; it is asked again by itself.",
            ) from None

    return OUTAGES.ask(engine, in_time)


def all_runs(engine: Engine, page: int = _PAGE) -> Iterator[Run]:
    """Give an engine's runs, newest first, page by page."""
    token = ""
    while True:
        found = engine.list_runs(limit=min(page, _PAGE), token=token)
        yield from found.runs
        token = found.next_token
        if not token:
            return


def outage_of(settings: Settings, engine: str, reason: EngineUnreachable) -> Outage:
    """Say what is known of an engine that does not answer."""
    return Outage(engine, reason.message, reason.next, last_seen(settings, engine)[0])


def keep_seen(settings: Settings, engine: str, runs: Sequence[Run]) -> None:
    """Remember an engine's newest runs for the time when it does not answer.

    One that is no server keeps its own in the same folder; there is nothing to gain from a second.
    """
    if not traits_of(engine).in_cluster:
        return
    path = _seen_path(settings, engine)
    oldest = min((run.created_at for run in runs), default="")
    older = [run for run in _kept(path) if run.created_at < oldest]
    _keep(path, (*runs, *older)[:_KEPT], time.time())


def keep_one_seen(settings: Settings, run: Run) -> None:
    """Remember how one run is doing, so that an outage does not show it as it was before."""
    path = _seen_path(settings, run.engine)
    kept = _kept(path)
    if any(entry.id == run.id for entry in kept):  # others were not looked at: their time stays
        now = tuple(run if entry.id == run.id else entry for entry in kept)
        _keep(path, now, path.stat().st_mtime)


def last_seen(settings: Settings, engine: str) -> tuple[str, list[Run]]:
    """Give when an engine's runs were last seen, and those runs, each saying so."""
    path = _seen_path(settings, engine)
    if not path.is_file():
        return "", []
    moment = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    seen_at = utc_at(path.stat().st_mtime)
    said = f"Last seen {moment:%d %b %H:%M} UTC."
    return seen_at, [replace(run, message=f"{run.message} {said}".strip()) for run in _read(path)]


@lru_cache(maxsize=64)
def _made(settings: Settings, name: str) -> Engine:
    return make_engine(settings, name)


def _seen_path(settings: Settings, engine: str) -> Path:
    return settings.state / "last-seen" / f"{engine}.json"


def _kept(path: Path) -> tuple[Run, ...]:
    if not path.is_file():
        return ()
    return _kept_runs.get(path) or tuple(_read(path))


def _keep(path: Path, runs: tuple[Run, ...], seen_at: float) -> None:
    try:
        if not path.is_file() or runs != _kept_runs.get(path):
            write_json(path, [asdict(run) for run in runs])
        os.utime(path, (seen_at, seen_at))
    except OSError:
        return  # a full disk must not hide the runs; `doctor` names it
    _kept_runs[path] = runs


def _read(path: Path) -> list[Run]:
    """Read what was kept; a damaged file is no more than nothing kept."""
    try:
        return [_run(entry) for entry in json.loads(read_bytes(path, limit_bytes=_LIMIT_BYTES))]
    except (SlipwayError, ValueError, TypeError, KeyError):
        return []


def _run(entry: dict[str, Any]) -> Run:
    steps = tuple(Step(**{**step, "state": State(step["state"])}) for step in entry["steps"])
    return Run(**{**entry, "state": State(entry["state"]), "steps": steps})
