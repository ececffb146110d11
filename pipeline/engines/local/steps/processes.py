"""Starting, watching and stopping the supervised process of a step.

An attempt has a folder. Its lock is held from before the supervisor starts until it ends, by the
descriptor that the supervisor inherits; so "is it alive" needs no process ids, and a recycled id
deceives nobody. Its processes carry its name in their environment, so that those of a supervisor
that was killed are found.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SUPERVISOR = Path(__file__).with_name("supervisor.py")
MARK = "SLIPWAY_ATTEMPT"
_END_S = 2.0


@dataclass(frozen=True)
class Exit:
    """How a step ended.

    Parameters
    ----------
    code
        Its exit code; 128 + n for signal n.
    finished_at
        ISO 8601 in UTC.
    message
        Why it could not start.
    limit
        The limit that ended it: ``timeout``, ``memory`` or empty.
    is_out_of_memory
        Whether the kernel ended processes meanwhile, for want of memory.
    is_own
        Whether those were the step's own; else they may be any of this machine's.
    """

    code: int
    finished_at: str
    message: str = ""
    limit: str = ""
    is_out_of_memory: bool = False
    is_own: bool = False


@dataclass(frozen=True)
class Limits:
    """How long a step may take to stop, and how much it may take of time and memory."""

    grace_s: float
    timeout_s: float | None = None
    mem_bytes: int | None = None


@dataclass(frozen=True)
class Command:
    """What a step starts: argument list, whole environment and working directory."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


def start(attempt: Path, command: Command, log: Path, limits: Limits) -> subprocess.Popen[bytes]:
    """Start a step under its supervisor; its output is appended to the log."""
    attempt.mkdir(parents=True, exist_ok=True)
    program = [sys.executable, "-I", "-S", str(SUPERVISOR), str(attempt)]
    lock = os.open(attempt / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with open(log, "ab") as output:
            return subprocess.Popen(
                [*program, str(lock), json.dumps(asdict(limits)), "--", *command.argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**command.environment, MARK: str(attempt)},
                cwd=command.folder,
                pass_fds=(lock,),
                start_new_session=True,
            )
    finally:
        os.close(lock)


def exit_of(attempt: Path) -> Exit | None:
    """Give how the step ended, or None when nothing was written (yet)."""
    try:
        document = json.loads((attempt / "exit.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Exit(**document)


def is_alive(attempt: Path) -> bool:
    """Say whether the supervisor of an attempt lives."""
    return is_locked(attempt / "lock")


def is_at_work(attempt: Path) -> bool:
    """Say whether an attempt goes on: it has not written how it ended, and lives."""
    return not (attempt / "exit.json").exists() and is_alive(attempt)


def was_started(attempt: Path) -> bool:
    """Say whether the supervisor came as far as starting the step."""
    return (attempt / "supervisor.json").exists()


def is_of_this_boot(attempt: Path) -> bool:
    """Say whether the machine has not been started anew since the attempt began."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return bool(_supervisor(attempt).get("boot", boot) == boot)


def stop(attempt: Path) -> bool:
    """Ask the supervisor to end the step; False when there is none to hear it (yet)."""
    pid = _supervisor(attempt).get("pid")
    if pid is None:
        return False
    if is_alive(attempt):
        with contextlib.suppress(ProcessLookupError):  # over since the look
            os.kill(pid, signal.SIGTERM)
    return True


def end_all(attempt: Path) -> bool:
    """Kill every process of an attempt; say whether none is left."""
    give_up_at = time.monotonic() + _END_S
    while pids := list(_marked(attempt)):
        if time.monotonic() > give_up_at:
            return False
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    return True


def is_locked(path: Path) -> bool:
    """Say whether some process holds the lock of a file."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _supervisor(attempt: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((attempt / "supervisor.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _marked(attempt: Path) -> Iterator[int]:
    mark = os.fsencode(f"{MARK}={attempt}")
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    is_ours = mark in file.read().split(b"\0")
            except OSError:  # it is over, or somebody else's
                continue
            if is_ours:
                yield int(name)
