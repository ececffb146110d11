"""Letting a controller of older code go before the state becomes one that it does not know."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.core.errors import EngineUnreachable
from pipeline.core.said import said
from pipeline.engines.local.control.start import CONTROLLER, hold

_LIMIT_S = 10.0
_PAUSE_S = 0.05


@contextmanager
def no_older_controller(lock_file: Path, is_current: Callable[[], bool]) -> Iterator[None]:
    """Hold the controller's lock for a block; who has it is asked to end, and its keeper with it.

    Nothing is lost: steps go on, and whoever looks at the runs starts the next controller. It is
    not left to the keeper, whose code may lie, and stay old, elsewhere.

    Parameters
    ----------
    is_current
        Says that another process was first with what the block does; then nobody is asked.

    Raises
    ------
    EngineUnreachable
        The controller does not end.
    OSError
        The lock's file cannot be used.
    """
    lock = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    give_up_at = time.monotonic() + _LIMIT_S
    asked: set[int] = set()
    try:
        while not is_current() and not hold(lock):
            holders = _controllers(lock)
            if os.getpid() in holders:  # the lock is this controller's own already
                break
            for pid in holders - asked:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            asked |= holders
            if time.monotonic() > give_up_at:
                raise _does_not_end(lock_file, holders)
            time.sleep(_PAUSE_S)
        yield
    finally:
        os.close(lock)


def _controllers(lock: int) -> set[int]:
    """Give the controllers and keepers that have the lock's file open; others may just try it."""
    file, found = os.fstat(lock), set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            words = (process / "cmdline").read_bytes().split(b"\0")
            if CONTROLLER.encode() in words and any(
                os.path.samestat(opened.stat(), file) for opened in (process / "fd").iterdir()
            ):
                found.add(int(process.name))
    return found


def _does_not_end(lock_file: Path, holders: set[int]) -> EngineUnreachable:
    who = f"process {min(holders)}" if holders else "a process of another user or machine"
    return EngineUnreachable(
        said(
            "the local engine's state is of an older Slipway, whose controller is still at "
            "work on it ({who}) and did not end within {limit_s:g} s.",
            who=who,
            limit_s=_LIMIT_S,
        ),
        where=str(lock_file),
        next=said("End that process: steps go on, and the next look starts the engine again."),
    )
