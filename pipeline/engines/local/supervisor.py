"""Starts one step, waits for it, and writes how it ended. Standard library only: it starts fast.

Called by path as ``python -I -S supervisor.py FOLDER LOCK_FD GRACE_S -- COMMAND…``. It lives in a
session of its own and holds the folder's lock (an inherited descriptor) for as long as it lives;
the step is a process group of its own. SIGTERM to the supervisor stops the step: SIGTERM to its
group, and SIGKILL after the grace time. Nothing that the step started outlives it.

What it has to write is written, if need be when the disk has room again: until then the lock says
that the attempt is not over. Only when its folder is gone it gives up.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
CLEANUP_LIMIT_S = 10.0
TRY_AGAIN_S = 0.5
DEAF_TO = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def main() -> None:
    """Run the step and write ``exit.json``: {"code", "message", "finished_at"}."""
    folder, lock_fd, grace_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    command = sys.argv[5:]
    signal.pthread_sigmask(signal.SIG_BLOCK, DEAF_TO)
    os.set_inheritable(lock_fd, False)
    # Orphans of the step become children of this process, so that they can be found and ended.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _write(folder, "supervisor.json", {"pid": os.getpid(), "boot": _boot()})
    message = ""
    try:
        pid = os.posix_spawnp(command[0], command, os.environ, setpgroup=0, setsigmask=[])
    except OSError as reason:
        code, message = 127, f"{command[0]} cannot be started: {reason.strerror}"
        with contextlib.suppress(OSError):  # the log's disk may be full
            print(message, flush=True)
    else:
        code = _wait(pid, grace_s)
        _end_descendants(pid)
    finished_at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    millis = int(time.time() % 1 * 1000)
    _write(
        folder,
        "exit.json",
        {"code": code, "message": message, "finished_at": f"{finished_at}.{millis:03d}Z"},
    )


def _wait(pid: int, grace_s: float) -> int:
    """Wait for the step and pass a stop on to it; a signal n counts as exit code 128 + n."""
    kill_at = None
    while True:
        code = _reap(pid)
        if code is not None:
            return code if code >= 0 else 128 - code
        left_s = 3600.0 if kill_at is None else max(0.0, kill_at - time.monotonic())
        got = signal.sigtimedwait([signal.SIGTERM, signal.SIGCHLD], left_s)
        if got is None and kill_at is not None:
            _signal_group(pid, signal.SIGKILL)
            kill_at = time.monotonic() + 1.0
        elif got is not None and got.si_signo == signal.SIGTERM and kill_at is None:
            _signal_group(pid, signal.SIGTERM)
            kill_at = time.monotonic() + grace_s


def _reap(pid: int) -> int | None:
    """Collect every child that is over; give the exit code of the step when it is among them."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while True:
            done, status = os.waitpid(-1, os.WNOHANG)
            if done == 0:
                break
            if done == pid:
                code = os.waitstatus_to_exitcode(status)
    return code


def _end_descendants(pid: int) -> None:
    """End what the step left behind, in its group or with a session of its own."""
    _signal_group(pid, signal.SIGKILL)
    give_up_at = time.monotonic() + CLEANUP_LIMIT_S
    while time.monotonic() < give_up_at:
        _reap(pid)
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            children = file.read().split()
        if not children:
            return
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        time.sleep(0.005)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _boot() -> str:
    """Name this start of the machine."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _write(folder: str, name: str, document: dict[str, object]) -> None:
    """Write atomically; this program cannot import the core, which would cost it its fast start."""
    while True:
        try:
            return _write_once(folder, name, document)
        except FileNotFoundError:
            raise
        except OSError:  # no room, or read-only for now
            time.sleep(TRY_AGAIN_S)


def _write_once(folder: str, name: str, document: dict[str, object]) -> None:
    temporary = os.path.join(folder, f".{name}.tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, os.path.join(folder, name))


if __name__ == "__main__":
    main()
