"""Keeping the memory of runs up to date with few questions, however many runs there are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from pipeline.core.errors import NotFound
from pipeline.engines.base import Run
from pipeline.engines.kubeflow.cache import Cache
from pipeline.engines.kubeflow.runs import Seen
from pipeline.engines.kubeflow.server import PAGE, Server

_NEWEST = 20
_THREADS = 6
# Steps of finished runs that were never looked at are read until a refresh has taken so long; a
# few each time even so, or a slow server's would never be.
_CATCH_UP_S = 0.1
_CATCH_UP_RUNS = 30


class _Explain(Protocol):
    def __call__(self, seen: Seen, *, asks_cluster: bool) -> Run: ...


class Listing:
    """Refreshes the memory; one at a time, and whoever waits for it profits from it.

    A list of KFP carries every run's whole document, so all of it is read only the first time and
    when the count says that runs were deleted elsewhere. Otherwise: the newest runs up to one that
    is known, and the unfinished ones, among which are those that somebody retried.
    """

    def __init__(self, server: Server, cache: Cache, explain: _Explain) -> None:
        self._server = server
        self._cache = cache
        self._explain = explain
        self._refreshing = threading.Lock()
        self._refreshed_at = -1.0

    def refresh(self) -> None:
        """Bring the memory up to date."""
        asked_at = time.monotonic()
        with self._refreshing:
            if self._refreshed_at > asked_at:
                return
            began_at = time.monotonic()
            # Also those that end now: a list says failed of what was stopped.
            unfinished = self._cache.ids(only_unfinished=True)
            with ThreadPoolExecutor(_THREADS) as threads:
                newest = threads.submit(self._read_newest)
                listed = threads.submit(self._server.unfinished)
                newest.result()
                found = listed.result()
                self._cache.put_listed(found)
                unfinished |= self._cache.ids(only_unfinished=True)
                unfinished |= {entry.run.id for entry in found}
                list(threads.map(self._look, unfinished))
                self._catch_up(threads.map, began_at + _CATCH_UP_S)
            self._refreshed_at = began_at

    def _read_newest(self) -> None:
        known = self._cache.ids()  # before: what is submitted meanwhile must not look deleted
        runs, token, total = self._server.page(size=_NEWEST)
        fresh = {entry.run.id for entry in runs} - known
        if len(fresh) == len(runs) or len(known | fresh) != total:
            while token:
                # Any page has the size of the first, which its token carries.
                more, token, _ = self._server.page(token, size=PAGE)
                runs += more
            self._cache.forget(known - {entry.run.id for entry in runs})
        self._cache.put_listed(runs)

    def _look(self, run_id: str) -> None:
        try:
            self._explain(self._server.run(run_id), asks_cluster=False)
        except NotFound:
            self._cache.forget([run_id])

    def _catch_up(self, each: Callable[..., object], stop_at: float) -> None:
        def look(place: int, run_id: str) -> None:
            if place < _THREADS or time.monotonic() < stop_at:
                self._look(run_id)

        ids = self._cache.not_whole(_CATCH_UP_RUNS)
        list(each(look, range(len(ids)), ids))  # type: ignore[call-overload]
