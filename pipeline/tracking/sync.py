"""Reads MLflow ahead of the pages: all that ended since the last look, and what runs elsewhere.

What ended does not change, so only the first look is long. It reads the newest runs, newest first;
each later one begins a little before the end of the last run that is known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.core.addresses import server_key
from pipeline.core.clock import utc_now
from pipeline.core.errors import TrackingUnreachable
from pipeline.core.settings import Settings
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder, list_run_folders
from pipeline.tracking.cache import Cache
from pipeline.tracking.client import is_unmade, reading
from pipeline.tracking.elsewhere import from_mlflow
from pipeline.tracking.reader import Tracking, cache_path, points_of, run_document, version_of
from pipeline.tracking.schema import ENDED, LIST_METRIC, TAG_LAUNCH, TAG_TRIAL, shown_name
from pipeline.tracking.server import tracking_uri

FIRST_LOOK = 1000
_PAGE = 100
# Runs end by the clocks of the machines that they ran on.
_OVERLAP_MS = 10 * 60 * 1000
_LOOK_EVERY_S = 5.0

Progress = Callable[[int], None]


@dataclass(frozen=True)
class SyncState:
    """How far MLflow has been read.

    Parameters
    ----------
    as_of
        When everything had been read last (ISO 8601, UTC); empty when never.
    is_running
        Whether it is being read now.
    read
        How many runs have been read of it so far.
    outage
        Why the last look failed, if it did.
    """

    as_of: str = ""
    is_running: bool = False
    read: int = 0
    outage: TrackingUnreachable | None = None


def sync(settings: Settings, progress: Progress = lambda read: None) -> int:
    """Read what has ended since the last call, and what runs outside Slipway.

    Parameters
    ----------
    progress
        Called with the number of runs read so far.

    Returns
    -------
    int
        How many runs were read.

    Raises
    ------
    TrackingUnreachable
        MLflow did not answer; what was read until then is kept.
    """
    if is_unmade(settings):
        return 0
    with reading(settings) as client:
        return _Reading(settings, client).all(progress)


def synced_at(settings: Settings) -> str:
    """Say when everything had been read last (ISO 8601, UTC); empty when never."""
    return str(Cache(cache_path(settings)).mark(_server(settings)).get("as_of", ""))


class BackgroundSync:
    """Calls `sync` in a thread of its own, while somebody looks; for all sessions together."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._state = SyncState(as_of=synced_at(settings))
        self._next_at = 0.0

    def look(self) -> SyncState:
        """Say that somebody looks, and give how far MLflow has been read."""
        with self._lock:
            if not self._state.is_running and time.monotonic() >= self._next_at:
                self._set(is_running=True, read=0)
                threading.Thread(target=self._sync, name="mlflow-sync", daemon=True).start()
            return self._state

    def again(self) -> None:
        """Forget what is known and read everything anew; done runs may have been changed."""
        Cache(cache_path(self._settings)).clear()
        with self._lock:
            self._next_at = 0.0
            self._set(as_of="")

    def _sync(self) -> None:
        outage = None
        try:
            sync(self._settings, lambda read: self._set(read=read))
        except TrackingUnreachable as reason:
            outage = reason
        finally:
            self._next_at = time.monotonic() + _LOOK_EVERY_S
            self._set(is_running=False, outage=outage, as_of=synced_at(self._settings))

    def _set(self, **values: Any) -> None:
        self._state = SyncState(**{**vars(self._state), **values})


class _Reading:
    """One look at MLflow."""

    def __init__(self, settings: Settings, client: Any) -> None:
        self._settings = settings
        self._client = client
        self._cache = Cache(cache_path(settings))
        self._tracking = Tracking(settings)
        volume = Volume(settings.volume, settings.data_roots)
        self._folders = {folder.name: folder for folder in list_run_folders(volume)}

    def all(self, progress: Progress) -> int:
        as_of = utc_now()
        server = _server(self._settings)
        experiments = self._experiments()
        known_ms = self._cache.mark(server).get("ended_ms", 0)
        last_ms, read = known_ms, 0
        for page in self._pages([*experiments], known_ms) if experiments else ():
            self._keep_ours(page)
            others = [run for run in page if TAG_LAUNCH not in run.data.tags]
            self._keep_others(server, others, experiments)
            last_ms = max([last_ms, *(run.info.end_time or 0 for run in page)])
            read += len(page)
            progress(read)
        self._cache.set_mark(server, {"ended_ms": last_ms, "as_of": as_of})
        return read

    def _experiments(self) -> dict[str, str]:
        found: dict[str, str] = {}
        token = None
        while True:
            page = self._client.search_experiments(max_results=1000, page_token=token)
            found |= {entry.experiment_id: entry.name for entry in page}
            token = page.token
            if not token:
                return found

    def _pages(self, experiments: list[str], known_ms: int) -> Iterator[list[Any]]:
        newest = "attributes.start_time DESC"
        yield self._ask(experiments, "attributes.status = 'RUNNING'", newest)[0]
        if known_ms:
            which = f"attributes.end_time >= {known_ms - _OVERLAP_MS}"
            order, most = "attributes.end_time ASC", None
        else:
            which, order = "attributes.status != 'RUNNING'", "attributes.end_time DESC"
            most = FIRST_LOOK
        token, read = "", 0
        while most is None or read < most:
            page, token = self._ask(experiments, which, order, token)
            read += len(page)
            yield page
            if not token:
                return

    def _ask(
        self, experiments: list[str], which: str, order: str, token: str = ""
    ) -> tuple[list[Any], str]:
        page = self._client.search_runs(
            experiments,
            filter_string=which,
            max_results=_PAGE,
            order_by=[order],
            page_token=token or None,
        )
        return list(page), str(page.token or "")

    def _keep_ours(self, page: Sequence[Any]) -> None:
        """Keep what is over; a trial, or a run of another volume, has no page of its own."""
        answers: list[tuple[str, str, str, Any]] = []
        for run in page:
            tags, id_ = run.data.tags, run.info.run_id
            folder = self._folders.get(tags.get(TAG_LAUNCH, ""))
            is_ours = folder and TAG_TRIAL not in tags and self._tracking.run_id(folder.name) == id_
            if folder and is_ours and run.info.status in ENDED:
                answers += self._answers(folder, run)
        self._cache.put_all(answers)

    def _answers(self, folder: RunFolder, run: Any) -> Iterator[tuple[str, str, str, Any]]:
        version = version_of(folder, run.info.run_id)
        if self._cache.get(folder.name, "run", version) is None:
            yield folder.name, "run", version, run_document(run, version)
            yield from self._curve(folder.name, version, run)

    def _keep_others(self, server: str, runs: Sequence[Any], experiments: dict[str, str]) -> None:
        found = [from_mlflow(run, experiments) for run in runs]
        self._cache.put_elsewhere(server, map(asdict, found))
        for run, entry in zip(runs, found, strict=True):
            document = run_document(run, "")
            if not document["is_over"]:
                self._cache.forget(entry.id)  # it may have been taken up again
            elif self._cache.get(entry.id, "run", "") != document:
                curve = self._curve(entry.id, "", run)
                self._cache.put_all([(entry.id, "run", "", document), *curve])

    def _curve(self, name: str, version: str, run: Any) -> Iterator[tuple[str, str, str, Any]]:
        """Give the one curve that lists show; the others are read when somebody opens the run."""
        key = next((key for key in run.data.metrics if shown_name(key) == LIST_METRIC), None)
        if key is not None:
            history = self._client.get_metric_history(run.info.run_id, key)
            yield name, f"metric:{LIST_METRIC}", version, points_of(history)


def _server(settings: Settings) -> str:
    return server_key(tracking_uri(settings))
