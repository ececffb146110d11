"""Starting the controller, and saying what keeps it from its work."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pipeline.core.said import said
from pipeline.engines.local.control.vault import make_memory
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.steps.placement import REPOSITORY
from pipeline.engines.local.steps.processes import MARK

KEEPER = Path(__file__).with_name("keeper.py")
CONTROLLER = "pipeline.engines.local.control.controller"
# What the smallest record needs, with SQLite's own files around it.
ROOM_BYTES = 256 << 10
TAIL_BYTES = 8192
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d ")


def take_lock(layout: Layout) -> int | None:
    """Take the controller's lock, or give None when a controller holds it."""
    layout.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    layout.base.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(layout.controller_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not hold(lock):
        os.close(lock)
        return None
    return lock


def hold(lock: int) -> bool:
    """Lock an open file unless somebody else has; say whether it is held, also where it was."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def start_controller(layout: Layout, settings: Mapping[str, str]) -> bool:
    """Start a controller, and what keeps it alive, when none lives; say whether that was so.

    The lock is taken here and inherited by both, so that of many callers one starts them. They get
    a session of their own: they outlive the browser, the dashboard and Ctrl-C.

    Raises
    ------
    OSError
        The state folder cannot be written, or there is no memory for a process.
    """
    lock = take_lock(layout)
    if lock is None:
        return False
    memory = make_memory()
    try:
        os.ftruncate(lock, 0)  # the controller writes its pid when it serves
        own = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PYTEST_") and name != MARK
        }
        keeper = [sys.executable, "-I", "-S", str(KEEPER), str(lock)]
        command = [sys.executable, "-m", CONTROLLER]
        command += ["--lock-fd", str(lock), "--memory-fd", str(memory)]
        # The shell ends at once, so that nobody here has to wait for the keeper's end.
        with open(layout.controller_log, "ab") as log:
            subprocess.run(
                ["/bin/sh", "-c", '"$@" &', "sh", *keeper, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env={**own, **settings},
                pass_fds=(lock, memory),
                start_new_session=True,
                check=True,
            )
    finally:
        os.close(memory)
        os.close(lock)
    return True


def why_stuck(layout: Layout) -> str:
    """Say why nothing goes on, or is recorded, though runs are unfinished; empty when it does."""
    disk = os.statvfs(layout.base)
    free_blocks = disk.f_bavail if os.geteuid() else disk.f_bfree
    if disk.f_flag & os.ST_RDONLY:
        return said(
            "{folder} is read-only, so nothing is recorded and no step starts; steps that"
            " run go on. Make it writable.",
            folder=layout.base,
        )
    if free_blocks * disk.f_frsize < ROOM_BYTES:
        return said(
            "the disk of {folder} is full, so nothing is recorded and no step starts; steps"
            " that run go on. Free space there.",
            folder=layout.base,
        )
    return _why_no_controller(layout)


def _why_no_controller(layout: Layout) -> str:
    """Say why nothing starts, when the last controller died before it served.

    While the next one is being started this stays so, so that a page does not flicker.
    """
    lock, log = layout.controller_lock, layout.controller_log
    if not log.is_file() or (lock.is_file() and lock.stat().st_size):
        return ""
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    last = next((line for line in reversed(lines) if line.strip()), "")
    if not last or _LOG_LINE.match(last):  # it has said nothing, or ended in good order
        return ""
    return said(
        "no controller runs, so no step starts: {line}. Mend what"
        " {log} says; whoever looks at the run then starts the controller again.",
        line=last.strip().rstrip("."),
        log=log,
    )
