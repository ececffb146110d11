"""Child processes that end with the process that started them, whatever ends that one.

``start_guarded`` runs a command behind a guard: this very module as a program. The guard holds one
end of a pipe; when the starter closes its end, exits or is killed with -9, the guard reads the end
of the file and ends the command with everything that it started.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE_S = 8.0


def start_guarded(
    command: Sequence[str], *, log: Path, environment: Mapping[str, str], folder: Path
) -> subprocess.Popen[bytes]:
    """Start a command in its own session, to end no later than this process.

    Parameters
    ----------
    command
        Program and arguments.
    log
        File that takes the command's output; it is written anew.
    environment
        The whole environment of the command.
    folder
        Working directory; the guard's code is found from the repository's root.

    Returns
    -------
    Popen
        The guard; its exit code is the command's, or 128 and the signal that ended it, as in a
        shell.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as output:
        return subprocess.Popen(
            [sys.executable, "-PS", str(Path(__file__).resolve()), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,  # a Ctrl-C in the terminal reaches the starter alone
        )


def stop_guarded(guard: subprocess.Popen[bytes]) -> int:
    """End a guarded command and everything it started; a command that is over is fine."""
    if guard.stdin is not None:
        guard.stdin.close()
    return guard.wait()


def guard(command: Sequence[str]) -> int:
    """Run a command until it is over, or until this process's standard input is closed."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _signal_group(child.pid, signal.SIGTERM))
    threading.Thread(target=_end_when_alone, args=(child.pid,), daemon=True).start()
    code = child.wait()
    _signal_group(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while _signal_group(child.pid, 0) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal_group(child.pid, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def _end_when_alone(group: int) -> None:
    # Not from sys.stdin: a thread that waits there holds its lock, and Python cannot end (it aborts
    # with "could not acquire lock") when the command is over before the pipe is closed.
    while os.read(0, 4096):
        pass
    _signal_group(group, signal.SIGTERM)
    time.sleep(GRACE_S)
    _signal_group(group, signal.SIGKILL)


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group and say whether it had a member."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS refuses groups that hold only zombies
        return False
    return True


if __name__ == "__main__":
    sys.exit(guard(sys.argv[1:]))
