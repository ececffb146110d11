"""Starts one step, waits for it, and writes how it ended. Standard library only: it starts fast.

Called by path as ``python -I -S supervisor.py FOLDER LOCK_FD LIMITS -- COMMAND…``, the limits being
a JSON object {"grace_s", "timeout_s", "mem_bytes"}, the last two null where there is none. It lives
in a session of its own and holds the folder's lock (an inherited descriptor) while it lives;
the step is a process group of its own. SIGTERM to the supervisor stops the step: SIGTERM to its
group, and SIGKILL after the grace time. Nothing that the step started outlives it.

Where it can, it gives the step a control group, whose memory the kernel limits; else it looks at
the memory of the step's processes itself, every second.

What it has to write is written, if need be when the disk has room again: until then the lock says
that the attempt is not over. Only when its folder is gone it gives up.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes as long to import as all the rest
    from typing import Any

    from pipeline.engines.local.steps.group import StepGroup

PR_SET_CHILD_SUBREAPER = 36
CLEANUP_LIMIT_S = 10.0
TRY_AGAIN_S = 0.5
MEMORY_LOOK_S = 1.0
DEAF_TO = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def main() -> None:
    """Run the step and write ``exit.json``.

    {"code", "message", "finished_at", "limit", "is_out_of_memory", "is_own"}: the limit that ended
    it (``timeout``, ``memory`` or empty), whether the kernel ended processes for want of memory
    meanwhile, and whether those are known to be the step's own.
    """
    folder, lock_fd, limits = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    signal.pthread_sigmask(signal.SIG_BLOCK, DEAF_TO)
    os.set_inheritable(lock_fd, False)
    # Orphans of the step become children of this process, so that they can be found and ended.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _write(folder, "supervisor.json", {"pid": os.getpid(), "boot": _boot()})
    ended = _run(sys.argv[5:], limits)
    finished_at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    millis = int(time.time() % 1 * 1000)
    _write(folder, "exit.json", {**ended, "finished_at": f"{finished_at}.{millis:03d}Z"})


def _run(command: list[str], limits: dict[str, Any]) -> dict[str, object]:
    """Run the step to its end; say how it ended."""
    kills, group = _out_of_memory_kills(), _make_group(limits["mem_bytes"])
    try:
        with group.entered() if group else contextlib.nullcontext():
            pid = os.posix_spawnp(command[0], command, os.environ, setpgroup=0, setsigmask=[])
    except OSError as reason:
        message = f"{command[0]} cannot be started: {reason.strerror}"
        with contextlib.suppress(OSError):  # the log's disk may be full
            print(message, flush=True)
        if group:
            group.remove()
        return {"code": 127, "message": message}
    code, limit = _wait(pid, **limits, is_watched=group is None)
    _end_descendants(pid)
    is_out_of_memory = _out_of_memory_kills() > kills
    if group:
        events = group.events()
        is_out_of_memory = events["oom_kill"] > 0
        if code and is_out_of_memory and events["oom"] and limits["mem_bytes"] is not None:
            limit = "memory"
        group.remove()
    return {
        "code": code,
        "limit": limit,
        "is_out_of_memory": code != 0 and not limit and is_out_of_memory,
        "is_own": group is not None,
    }


def _make_group(mem_bytes: int | None) -> StepGroup | None:
    """Make a group for the step, or give None; of the package this file alone is imported."""
    sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 4)))
    from pipeline.engines.local.steps.group import make_group

    return make_group(mem_bytes)


def _wait(
    pid: int, grace_s: float, timeout_s: float | None, mem_bytes: int | None, *, is_watched: bool
) -> tuple[int, str]:
    """Wait for the step, pass a stop on to it, and stop it at a limit, which is named.

    A signal n counts as exit code 128 + n. The memory limit is this process's to hold if it
    `is_watched`, else the kernel's.
    """
    kill_at, limit = None, ""
    mem_bytes = mem_bytes if is_watched else None
    end_at = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        code = _reap(pid)
        if code is not None:
            return code if code >= 0 else 128 - code, limit
        is_asked = _is_stop_asked([kill_at, end_at], looks=bool(mem_bytes) and kill_at is None)
        now = time.monotonic()
        if kill_at is not None:
            if now >= kill_at:
                _signal_group(pid, signal.SIGKILL)
                kill_at = now + 1.0
            continue
        limit = "" if is_asked else _reached(end_at, mem_bytes)
        if is_asked or limit:
            end_at = None
            # A step that has taken too much may take the rest while it cleans up.
            _signal_group(pid, signal.SIGKILL if limit == "memory" else signal.SIGTERM)
            kill_at = now + grace_s


def _is_stop_asked(moments: list[float | None], *, looks: bool) -> bool:
    """Wait for a signal, the first of some moments or the next look; say whether to stop."""
    due = min((moment for moment in moments if moment is not None), default=None)
    left_s = 3600.0 if due is None else max(0.0, due - time.monotonic())
    left_s = min(left_s, MEMORY_LOOK_S) if looks else left_s
    got = signal.sigtimedwait([signal.SIGTERM, signal.SIGCHLD], left_s)
    return got is not None and got.si_signo == signal.SIGTERM


def _reached(end_at: float | None, mem_bytes: int | None) -> str:
    """Name the limit that a step is over; empty when there is none."""
    if end_at is not None and time.monotonic() >= end_at:
        return "timeout"
    return "memory" if mem_bytes and _memory_bytes(mem_bytes) > mem_bytes else ""


def _memory_bytes(enough: int) -> int:
    """Give what this process's descendants hold; pages that they share count once (see proc(5)).

    The exact count costs more, so it is taken when a quick one, with shared pages, is too much.
    """
    page, pids = os.sysconf("SC_PAGE_SIZE"), list(_descendants(os.getpid()))
    quick = sum(int(text.split()[1]) * page for text in _texts(pids, "statm"))
    if quick <= enough:
        return quick
    lines = (line.split() for text in _texts(pids, "smaps_rollup") for line in text.splitlines())
    return sum(int(words[1]) * 1024 for words in lines if words[0] == "Pss:")


def _texts(pids: list[int], name: str) -> Iterator[str]:
    for pid in pids:
        try:
            with open(f"/proc/{pid}/{name}", encoding="ascii", errors="replace") as file:
                text = file.read()
        except OSError:  # it is over
            continue
        yield text


def _descendants(pid: int) -> Iterator[int]:
    """Give the processes under one, whichever of its threads has started them."""
    threads: list[str] = []
    with contextlib.suppress(OSError):
        threads = os.listdir(f"/proc/{pid}/task")
    for thread in threads:
        for text in _texts([pid], f"task/{thread}/children"):
            for child in map(int, text.split()):
                yield child
                yield from _descendants(child)


def _out_of_memory_kills() -> int:
    """Give how many processes the kernel has ended on this machine for want of memory."""
    with open("/proc/vmstat", encoding="ascii") as file:
        counts = dict(line.split() for line in file)
    return int(counts.get("oom_kill", 0))


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
