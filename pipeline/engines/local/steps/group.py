"""A control group of a step's own, where this process may make one: see cgroups(7), version 2.

The kernel then holds the step's memory limit, and counts the processes of it that it has ended. A
group is made below this process's own or beside it, where the one above is writable and gives
``memory`` to those below it, as in a session of systemd's user instance or wherever a part of the
tree was delegated. Standard library only: the supervisor uses it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

ROOT = "/sys/fs/cgroup"
OWN = "/proc/self/cgroup"
_PREFIX = "slipway-"


class StepGroup:
    """A group that is there, and that this process can enter and leave.

    Parameters
    ----------
    path
        The group's folder.
    home
        The folder of the group that this process belongs to.
    """

    def __init__(self, path: str, home: str) -> None:
        self._path = path
        self._home = home

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Be in the group for a block: what is started there is in it from its first moment on."""
        _write(self._path, "cgroup.procs", "0")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # staying is no reason to say that nothing began
                _write(self._home, "cgroup.procs", "0")

    def limit(self, mem_bytes: int) -> None:
        """Let the kernel end the whole step when it takes more memory than that, swap included."""
        _write(self._path, "memory.max", str(mem_bytes))
        for name, text in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
            if os.path.exists(os.path.join(self._path, name)):
                _write(self._path, name, text)

    def events(self) -> dict[str, int]:
        """Count by name what happened to its memory: ``oom`` times its limit was met, and
        ``oom_kill`` of its processes were ended by the kernel.
        """
        counts = {"oom": 0, "oom_kill": 0}
        with contextlib.suppress(OSError):  # somebody has removed it
            lines = _read(self._path, "memory.events").splitlines()
            counts |= {name: int(count) for name, count in map(str.split, lines)}
        return counts

    def remove(self) -> None:
        """Remove the group, of which nothing lives any more."""
        with contextlib.suppress(OSError):
            os.rmdir(self._path)


def make_group(mem_bytes: int | None, *, root: str = ROOT, own: str = OWN) -> StepGroup | None:
    """Make a group for a step, or give None where that cannot be.

    Parameters
    ----------
    mem_bytes
        The step's memory limit; None for none.
    root, own
        Where the tree is mounted, and the file that names this process's place in it.
    """
    home = _home(root, own)
    for above in (home, os.path.dirname(home)) if home else ():
        if not above.startswith(root) or "memory" not in _controllers(above):
            continue
        _sweep(above)
        path = os.path.join(above, f"{_PREFIX}{os.getpid()}")
        group = StepGroup(path, home)
        try:
            os.mkdir(path)
            if mem_bytes is not None:
                group.limit(mem_bytes)
            with group.entered():  # whether that is allowed depends on the groups on the way
                pass
        except OSError:
            group.remove()
            continue
        return group
    return None


def _home(root: str, own: str) -> str:
    """Give the folder of this process's group; empty where the tree is not of version 2."""
    try:
        lines = _read(*os.path.split(own)).splitlines()
    except OSError:
        return ""
    path = next((line[3:] for line in lines if line.startswith("0::")), "")
    return os.path.normpath(root + path) if path.startswith("/") else ""


def _controllers(above: str) -> list[str]:
    """Name what a group gives to those below it."""
    try:
        return _read(above, "cgroup.subtree_control").split()
    except OSError:  # also where only the tree of version 1 is mounted
        return []


def _sweep(above: str) -> None:
    """Remove the groups of supervisors that were killed."""
    for name in os.listdir(above):
        pid = name.removeprefix(_PREFIX)
        if name != pid and not os.path.exists(f"/proc/{pid}"):
            with contextlib.suppress(OSError):  # what it started still lives
                os.rmdir(os.path.join(above, name))


def _read(folder: str, name: str) -> str:
    with open(os.path.join(folder, name), encoding="ascii") as file:
        return file.read()


def _write(folder: str, name: str, text: str) -> None:
    with open(os.path.join(folder, name), "w", encoding="ascii") as file:
        file.write(text)
