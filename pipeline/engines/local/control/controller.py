"""The process that owns the queue: starts steps when it is their turn and notes how they end.

There is one for each state folder, started by `LocalEngine` when there is something to do, and gone
soon after the last run is over. Everything that it knows is in the store and in the folders of
the attempts, so that it can be killed at any moment and the next one goes on; `keeper` starts it.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import signal
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from pipeline.core.errors import EngineUnreachable
from pipeline.core.hiding import hide_in_logs
from pipeline.core.settings import Settings, load_settings
from pipeline.engines.local.control.start import hold, take_lock
from pipeline.engines.local.control.vault import Vault
from pipeline.engines.local.control.watch import Watch
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.scheduler import Scheduler
from pipeline.engines.local.queue.store import Store

TICK_S = 0.04
# Light steps follow each other within a second; a training is looked at less often, to leave it
# the processor.
CALM_TICK_S = 0.12
CALM_AFTER_S = 3.0
LOOK_S = 2.0
TROUBLE_S = 0.5
IDLE_S = 5.0
GRACE_S = 30.0

_log = logging.getLogger("slipway.controller")


def main() -> None:
    """Serve the queue of the state folder that the settings name, unless another process does."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.engines.local.control.controller")
    parser.add_argument("--lock-fd", type=int, help="the lock, already held by who started this")
    parser.add_argument("--memory-fd", type=int, help="what was handed to those before this one")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    hide_in_logs()
    settings = load_settings()
    layout = Layout(settings.state)
    lock = arguments.lock_fd if arguments.lock_fd is not None else take_lock(layout)
    if lock is None or not hold(lock):
        _log.info("another controller serves %s", settings.state)
        return
    os.set_inheritable(lock, False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    vault = Vault(arguments.memory_fd)
    vault.listen(layout)
    Controller(settings, vault).serve(lock)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """End as asked; steps go on, and the next controller goes on with them."""
    _log.info("ended by signal %d; the next controller goes on", number)
    sys.exit(128 + number)


class Controller:
    """Serves the queue of one state folder.

    Parameters
    ----------
    settings
        State folder and slots.
    vault
        Secret values of the runs.
    """

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._layout = Layout(settings.state)
        self._store = Store(self._layout.database)
        self._watch = Watch(self._layout.database)
        grace_s = float(os.environ.get("SLIPWAY_STOP_GRACE_S") or GRACE_S)
        self._scheduler = Scheduler(settings, vault, grace_s)
        self._trouble = ""

    def serve(self, lock: int) -> None:
        """Work until nothing has been left to do for a while, then let go of the lock.

        A look at everything follows a change, and once in a while what may have been missed; in
        between only the watch looks, which costs next to nothing. A state that cannot be used is
        tried again: the steps go on meanwhile, and their supervisors wait with what they write.
        """
        _log.info("serving, pid %d", os.getpid())
        with suppress(OSError):  # a full or read-only disk; it is the lock that counts
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
        looked_at = changed_at = busy_at = time.monotonic() - LOOK_S
        while self._is_still_ours(lock):
            now = time.monotonic()
            has_changed = self._watch.has_changed(self._scheduler.attempts)
            if has_changed:
                changed_at = now
            is_due = self._scheduler.has_unheard_stop or now - looked_at >= LOOK_S
            if has_changed or is_due:
                looked_at = now
                if self._look():
                    busy_at = time.monotonic()
            if time.monotonic() - busy_at > IDLE_S and self._is_done(lock):
                return
            self._scheduler.reap()
            is_calm = time.monotonic() - changed_at > CALM_AFTER_S
            time.sleep(CALM_TICK_S if is_calm else TICK_S)

    def _is_still_ours(self, lock: int) -> bool:
        """Say whether the lock is the one that others see: a state folder may be removed."""
        try:
            is_ours = os.path.samestat(os.stat(self._layout.controller_lock), os.fstat(lock))
        except FileNotFoundError:
            is_ours = False
        if not is_ours:
            _log.error("the state folder was removed or replaced; its controller ends")
        return is_ours

    def _look(self) -> bool:
        """Do what there is to do; say whether there is, or may be, any more."""
        try:
            is_busy = self._scheduler.tick()
        except EngineUnreachable as reason:
            if str(reason) != self._trouble:
                _log.error("%s", reason)
            self._trouble = str(reason)
            time.sleep(TROUBLE_S)
            return True
        self._trouble = ""
        return is_busy

    def _is_done(self, lock: int) -> bool:
        """Let go of the lock unless there is work.

        Under the write lock: a run is queued either before this look at the queue, or after the
        lock is free, and then whoever queued it starts the next controller.
        """
        try:
            with self._store.transaction() as db:
                if self._store.has_unfinished(db):
                    return False
                fcntl.flock(lock, fcntl.LOCK_UN)  # for its keeper too, which has the same
        except EngineUnreachable:
            return False
        _log.info("nothing left to do")
        return True


if __name__ == "__main__":
    main()
