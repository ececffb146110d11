"""Fetching official weights in threads of the dashboard, one a file, shared by all sessions."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field, replace

from pipeline.actions.fetching.weights import Fetched, fetch, where_it_is
from pipeline.actions.installation import Installation
from pipeline.core.errors import SlipwayError, Stopped
from pipeline.core.said import said

_log = logging.getLogger("slipway.dashboard")


@dataclass(frozen=True)
class Download:
    """How far a file is.

    Parameters
    ----------
    name
        The weights.
    done, total
        Bytes that arrived, and all there are; a total of 0 is not known.
    fetched
        What it became; None before that.
    failure
        Why it ended without; None when it did not.
    """

    name: str
    done: int = 0
    total: int = 0
    fetched: Fetched | None = None
    failure: SlipwayError | None = None

    @property
    def is_running(self) -> bool:
        """Whether it is still being fetched."""
        return self.fetched is None and self.failure is None


@dataclass
class _Job:
    """How far one file is, which its own thread says."""

    download: Download
    stop: threading.Event = field(default_factory=threading.Event)


class Downloads:
    """Fetches official weights; one object serves all sessions, safe for threads."""

    def __init__(self, here: Installation) -> None:
        self._here = here
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}

    def start(self, name: str) -> None:
        """Begin to fetch a file; one that is being fetched, or is there, is left alone."""
        with self._lock:
            job = self._jobs.get(name)
            if (job and job.download.is_running) or where_it_is(self._here, name):
                return
            job = self._jobs[name] = _Job(Download(name))
        threading.Thread(
            target=self._fetch, args=(name, job), name=f"weights-{name}", daemon=True
        ).start()

    def stop(self, name: str) -> None:
        """Stop fetching a file, or forget how that ended; what has arrived of it goes.

        Its thread may still wait for the server, but keeps nothing any more.
        """
        with self._lock:
            job = self._jobs.pop(name, None)
        if job:
            job.stop.set()

    def known(self) -> list[Download]:
        """Give the files that are being fetched or were, in the order in which they began."""
        with self._lock:
            return [job.download for job in self._jobs.values()]

    def _fetch(self, name: str, job: _Job) -> None:
        def watch(done: int, total: int) -> None:
            job.download = replace(job.download, done=done, total=total)
            if job.stop.is_set():
                raise Stopped(said("Fetching {name} was stopped.", name=name), where=name)

        fetched, failure = None, None
        try:
            fetched = fetch(self._here, name, watch)
        except SlipwayError as reason:
            failure = reason
        except Exception as reason:  # noqa: BLE001 - a thread has nobody else to tell
            _log.exception("%s could not be fetched", name)
            failure = SlipwayError(
                said("{name}: {reason}.", name=type(reason).__name__, reason=reason)
            )
        job.download = replace(job.download, fetched=fetched, failure=failure)
