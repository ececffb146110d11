"""Starting, watching and stopping the supervised process of a step.

An attempt has a folder. Its lock is held from before the supervisor starts until it ends, by the
descriptor that the supervisor inherits; so "is it alive" needs no process ids, and a recycled id
deceives nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SUPERVISOR = Path(__file__).with_name("supervisor.py")


@dataclass(frozen=True)
class Exit:
    """How a step ended: its code (128 + n for signal n), when, and why it could not start."""

    code: int
    finished_at: str
    message: str = ""


@dataclass(frozen=True)
class Command:
    """What a step starts: argument list, whole environment and working directory."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


def start(attempt: Path, command: Command, log: Path, grace_s: float) -> subprocess.Popen[bytes]:
    """Start a step under its supervisor; its output is appended to the log."""
    attempt.mkdir(parents=True, exist_ok=True)
    program = [sys.executable, "-I", "-S", str(SUPERVISOR), str(attempt)]
    lock = os.open(attempt / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with open(log, "ab") as output:
            return subprocess.Popen(
                [*program, str(lock), str(grace_s), "--", *command.argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(command.environment),
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
    return Exit(document["code"], document["finished_at"], document["message"])


def is_alive(attempt: Path) -> bool:
    """Say whether the supervisor of an attempt lives."""
    return is_locked(attempt / "lock")


def was_started(attempt: Path) -> bool:
    """Say whether the supervisor came as far as starting the step."""
    return (attempt / "supervisor.json").exists()


def stop(attempt: Path) -> None:
    """Ask the supervisor to end the step; does nothing when there is none (yet)."""
    try:
        pid = json.loads((attempt / "supervisor.json").read_text(encoding="utf-8"))["pid"]
    except FileNotFoundError:
        return
    if is_alive(attempt):
        with contextlib.suppress(ProcessLookupError):  # over since the look
            os.kill(pid, signal.SIGTERM)


def is_locked(path: Path) -> bool:
    """Say whether some process holds the lock of a file."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
