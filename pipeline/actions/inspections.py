"""Reading datasets in threads of the dashboard, so that no page waits for a large one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.actions.installation import Installation
from pipeline.core.clock import utc_now
from pipeline.core.dataset.read import DatasetReport, inspect_dataset, load_dataset, read_boxes
from pipeline.core.dataset.samples import Samples, samples_of
from pipeline.core.errors import SlipwayError, Stopped
from pipeline.core.said import said

_LONGEST_S = 600.0
_log = logging.getLogger("slipway.dashboard")


@dataclass(frozen=True)
class Inspection:
    """What is known about a dataset at the moment.

    Parameters
    ----------
    report
        Newest report, None before the first one is there. After a deep check it has what that
        found, as long as lists and labels are what they were.
    samples
        The images, None when the yaml is not acceptable or they are not listed yet.
    is_running, is_deep
        Whether it is being read, and whether every image is opened for it.
    done, total
        How far that is; a total of 0 is not known yet.
    deep_at
        When every image had been opened (ISO 8601), empty when that was not done.
    failure
        Why the last reading broke off; empty when it did not.
    """

    report: DatasetReport | None = None
    samples: Samples | None = None
    is_running: bool = False
    is_deep: bool = False
    done: int = 0
    total: int = 0
    deep_at: str = ""
    failure: str = ""


@dataclass(frozen=True)
class _Read:
    """What a reading gave."""

    report: DatasetReport
    samples: Samples | None
    at: str


@dataclass
class _Job:
    """One dataset's state; only touched with the lock held, except for its progress."""

    read: _Read | None = None
    deep: _Read | None = None
    waits_for_person: bool = False
    wants_images: bool = False
    thread: threading.Thread | None = None
    is_deep: bool = False
    progress: tuple[int, int] = (0, 0)
    stop: threading.Event = field(default_factory=threading.Event)
    failure: str = ""

    @property
    def newest(self) -> _Read | None:
        """What the deep check gave, as long as lists and labels are what they were."""
        if self.deep and self.read:
            is_same = self.deep.report.fingerprint == self.read.report.fingerprint
            return self.deep if is_same else self.read
        return self.deep or self.read


class Inspections:
    """Reads datasets in the background; one object serves all sessions, safe for threads."""

    def __init__(self, here: Installation) -> None:
        self._here = here
        self._volume = here.volume
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        self._queue: list[str] = []
        self._warmer: threading.Thread | None = None

    def look(self, data: str, wait_s: float = 0.0) -> Inspection:
        """Say that somebody looks at a dataset, and give what is known about it.

        It is read again in the background, which for one that did not change is a look at times.
        What a person stopped, and what broke off, is only read again after `again`.

        Parameters
        ----------
        data
            The data yaml, relative to the volume.
        wait_s
            How long to wait for a reading; a small dataset is read in less.
        """
        with self._lock:
            job = self._jobs.setdefault(data, _Job())
            if job.thread is None and not job.waits_for_person:
                self._start(data, job, deep=False)
            thread = job.thread
            has_to_wait = job.newest is None or not job.is_deep
        if thread and has_to_wait:
            thread.join(wait_s)
        return self.known(data)

    def known(self, data: str) -> Inspection:
        """Give what is known about a dataset, without reading anything."""
        with self._lock:
            job = self._jobs.get(data, _Job())
            read = job.newest
            done, total = job.progress
            return Inspection(
                report=read.report if read else None,
                samples=read.samples if read else None,
                is_running=job.thread is not None,
                is_deep=job.is_deep or job.wants_images,
                done=done,
                total=total,
                deep_at=read.at if read and read is job.deep else "",
                failure=job.failure,
            )

    def read_ahead(self, names: Iterable[str]) -> None:
        """Read datasets that were never read, one after the other."""
        with self._lock:
            self._queue = [name for name in names if name not in self._jobs]
            if self._queue and self._warmer is None:
                self._warmer = threading.Thread(
                    target=self._warm, name="datasets-ahead", daemon=True
                )
                self._warmer.start()

    def open_images(self, data: str) -> None:
        """Start to open every image of a dataset, after what is being read of it now."""
        with self._lock:
            job = self._jobs.setdefault(data, _Job())
            if job.thread is None:
                self._start(data, job, deep=True)
            else:
                job.wants_images = not job.is_deep

    def again(self, data: str) -> None:
        """Have a dataset read anew at the next look."""
        with self._lock:
            self._jobs.setdefault(data, _Job()).waits_for_person = False

    def stop(self, data: str) -> None:
        """Stop reading a dataset; what was known stays known."""
        with self._lock:
            job = self._jobs.setdefault(data, _Job())
            job.wants_images = False
            job.stop.set()

    def _start(self, data: str, job: _Job, *, deep: bool) -> None:
        job.is_deep, job.progress, job.failure = deep, (0, 0), ""
        job.wants_images = job.wants_images and not deep
        job.stop = threading.Event()
        job.thread = threading.Thread(
            target=self._read, args=(data, job, deep), name=f"dataset-{data}", daemon=True
        )
        job.thread.start()

    def _read(self, data: str, job: _Job, deep: bool) -> None:
        read, failure, is_stopped = None, "", False
        try:
            read = self._inspect(data, job, deep)
        except Stopped:
            is_stopped = True
            failure = "" if job.newest else "Reading the dataset was stopped."
        except SlipwayError as reason:
            failure = str(reason)
        except Exception as reason:  # noqa: BLE001 - a thread has nobody else to tell
            _log.exception("%s could not be read", data)
            failure = f"{type(reason).__name__}: {reason}"
        with self._lock:
            job.thread, job.failure = None, failure
            job.waits_for_person = bool(failure) or (is_stopped and not deep)
            if read and deep:
                job.deep = read
            elif read:
                job.read = read
            if job.wants_images:
                self._start(data, job, deep=True)

    def _inspect(self, data: str, job: _Job, deep: bool) -> _Read:
        def watch(phase: str, done: int, total: int) -> None:
            job.progress = (done, total)
            if job.stop.is_set():
                raise Stopped(said("Reading {data} was stopped.", data=data), where=data)

        kept = job.deep if deep else job.read
        index = self._here.settings.dataset_index
        report = inspect_dataset(self._volume, data, deep=deep, index_folder=index, watch=watch)
        is_whole = kept and (kept.samples or not report.splits)
        if kept and is_whole and not deep and _says_the_same(kept.report, report):
            return kept
        samples = None
        if report.splits:
            with self._lock:  # the numbers are there before the images are listed
                job.read = job.read or _Read(report, None, utc_now())
            tables = {
                split: read_boxes(
                    self._volume, data, split, deep=deep, index_folder=index, watch=watch
                )
                for split in report.splits
            }
            columns = load_dataset(self._volume, data).keypoint_columns
            samples = samples_of(self._volume, tables, report.all_findings, columns)
            samples.codes()  # what a page would wait for is worked out here
        return _Read(report, samples, utc_now())

    def _warm(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._warmer = None
                    return
                name = self._queue.pop(0)
            self.look(name, wait_s=_LONGEST_S)


def _says_the_same(one: DatasetReport, other: DatasetReport) -> bool:
    """Compare without the boxes, which are the labels': their digest is in the fingerprint.

    A report of a dataset whose folders may not all be listed is made anew each time; a page that
    took that for news would draw itself for ever.
    """
    if one is other:
        return True
    said = ("fingerprint", "names", "splits", "resolved", "task", "base_note", "all_findings")
    return all(getattr(one, name) == getattr(other, name) for name in said)
