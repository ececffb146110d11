"""The processes that belong to a state folder; no test touches any other."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil


def processes_of(state: Path) -> list[psutil.Process]:
    """List what runs for a state folder; every process of the engine knows it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            is_ours = process.environ().get("SLIPWAY_STATE") == str(state)
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end_processes_of(state: Path) -> None:
    """Ask all of them at once to end, as a shutdown does."""
    for process in processes_of(state):
        with suppress(psutil.NoSuchProcess):
            process.terminate()


def kill_processes_of(state: Path) -> None:
    """Kill all of them, as a machine that loses its power does."""
    for process in processes_of(state):
        with suppress(psutil.NoSuchProcess):  # it may have gone with another one
            process.kill()
