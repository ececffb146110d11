"""Logs a run to MLflow while a step works on it, without ever stopping the step."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from pipeline.core.errors import SlipwayError, TrackingUnreachable
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.writer import FAILED, FINISHED, KILLED, RUNNING, RunWriter

POLL_S = 2.0
RETRY_S = 15.0
FINISH_S = 60.0
FINISH_WHEN_STOPPED_S = 3.0


class Follower:
    """Context manager around a step's work: follows the run folder in a thread of its own.

    An outage is said once in the log and tried again every 15 seconds; what is missing at the end
    is filled in by the next step, a retry, or ``slipway track RUN``.

    Parameters
    ----------
    folder
        The run folder.
    settings
        Where MLflow is.
    """

    def __init__(self, folder: RunFolder, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._filled_in = f"'slipway track {folder.name}' fills in what is missing."
        self._over = threading.Event()
        self._final_status = FINISHED
        self._writer: RunWriter | None = None
        self._is_out = False
        self._thread = threading.Thread(target=self._follow, name="mlflow-follower", daemon=True)

    def __enter__(self) -> Follower:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Log the rest; a step that is being stopped waits for three seconds at most."""
        stopped = kind is not None and not issubclass(kind, Exception)
        self._final_status = KILLED if stopped else FAILED if kind else FINISHED
        self._over.set()
        self._thread.join(FINISH_WHEN_STOPPED_S if stopped else FINISH_S)
        if self._thread.is_alive():
            _say(f"MLflow has not answered; {self._filled_in}")

    def _follow(self) -> None:
        pause_s = 0.0
        while not self._over.wait(pause_s):
            pause_s = POLL_S if self._try(final=False) else RETRY_S
        was_there = self._writer is not None
        if not self._try(final=True) and was_there:
            self._try(final=True)  # gone just now: the file behind it takes the run

    def _try(self, *, final: bool) -> bool:
        """Log once; say when MLflow goes away or comes back."""
        started = time.monotonic()
        try:
            if self._writer is None:
                self._writer = RunWriter(self._folder, self._settings)
                self._writer.set_status(RUNNING)
                _say(f"MLflow run {self._writer.run_id} at {self._writer.uri}.")
            self._writer.sync()
            if final:
                self._writer.set_status(self._final_status)
                if self._final_status != KILLED:
                    self._writer.upload()
        except TrackingUnreachable as reason:
            if not self._is_out or final:
                _say(f"{reason.message} The work goes on; {self._filled_in}")
            self._is_out = True
            self._writer = None  # the next time it may be another server, or the file behind it
            return False
        except (SlipwayError, OSError, ValueError) as reason:  # an unreadable file of the run
            _say(f"cannot be logged: {reason}")
            return False
        if self._is_out:
            _say(f"MLflow is back (answered in {time.monotonic() - started:.1f} s); all is logged.")
        self._is_out = False
        return True


def _say(sentence: str) -> None:
    print(f"Tracking: {sentence}", flush=True)
