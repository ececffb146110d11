"""A process for each piece of work, forked from one that has imported what all of them need.

Importing torch and Ultralytics takes longer than a short trial trains. The server does it once; all
that work leaves behind, in memory, on the GPU or in its working directory, ends with its process.
The server itself does nothing else: a process with one thread, and without CUDA, can be forked. One
that is no longer that after its imports does the work itself, and another one does the next.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

# Tells something to the process that started the work and waits for it; ends the work on its wish.
Tell = Callable[[Any], None]
_TOLD, _ENDED, _ENDED_WITH_SERVER = "told", "ended", "ended with server"
_CUDA = "/dev/nvidia-uvm"  # what CUDA opens when it is first used; asking NVML does not
_POLL_S = 1.0


class ForkServer:
    """Context manager that starts the server; it ends with this process at the latest.

    Work that still runs then ends too.

    Parameters
    ----------
    imports
        Modules to import before anything is forked. Where one of them starts threads or uses CUDA,
        nothing is gained, and nothing is lost.
    """

    def __init__(self, imports: Sequence[str]) -> None:
        self._imports = imports
        self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            program = [sys.executable, "-m", __spec__.name, str(theirs.fileno()), *self._imports]
            # NumPy's would start threads when it is imported; torch has its own ones.
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
            self._process = subprocess.Popen(program, pass_fds=[theirs.fileno()], env=environment)
        self._connection = Connection(ours.detach())
        self._is_used_up = False

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.wait()

    def run(self, work: Callable[[Tell], None]) -> Iterator[Any]:
        """Run work in a process of its own, and give what it tells, until its process has ended.

        The work goes on when the next value is asked for; closing the iterator ends it.

        Raises
        ------
        RuntimeError
            The process died, or the work raised an error; its output has the traceback.
        """
        if self._is_used_up:
            self.__exit__()
            self._start()
        kind, value = self._ask(work)
        try:
            while kind == _TOLD:
                yield value
                kind, value = self._ask(True)
        finally:
            while kind == _TOLD:
                kind, value = self._ask(False)
            self._is_used_up = kind == _ENDED_WITH_SERVER
        if value:
            raise RuntimeError(_how(value))

    def _ask(self, message: Any) -> tuple[str, Any]:
        try:
            self._connection.send(message)
            while not self._connection.poll(_POLL_S):
                if self._process.poll() is not None:
                    raise EOFError
            kind, value = self._connection.recv()
        except (EOFError, OSError) as reason:
            self._is_used_up = True
            raise RuntimeError("the process that it is forked from died.") from reason
        return kind, value


def _how(exit_code: int) -> str:
    if exit_code > 0:
        return f"exit code {exit_code}; the log has its last words."
    name = signal.Signals(-exit_code).name
    memory = ", as the kernel does when no memory is left" if name == "SIGKILL" else ""
    return f"it was ended by {name}{memory}."


def _serve(connection: Connection, imports: Sequence[str]) -> None:
    for name in imports:
        import_module(name)
    gc.freeze()  # a collection in a forked process would copy all that it looks at
    try:
        while _serve_one(connection):
            pass
    finally:
        gc.unfreeze()  # or nanobind takes all that is left at the end for leaks


def _serve_one(connection: Connection) -> bool:
    """Do one piece of work; say whether another one can be done here."""
    try:
        work = connection.recv()
    except (EOFError, OSError):  # nobody is there any more
        return False
    if not _can_be_forked():
        with suppress(SystemExit):
            _work(connection, work)
        connection.send((_ENDED_WITH_SERVER, 0))
        return False
    # Its end is that of a process of multiprocessing: nothing that was imported is taken apart.
    child = get_context("fork").Process(target=_work, args=(connection, work))
    child.start()
    child.join()
    with suppress(OSError):
        connection.send((_ENDED, child.exitcode))
    return True


def _can_be_forked() -> bool:
    opened = {os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")}
    return len(os.listdir("/proc/self/task")) == 1 and _CUDA not in opened


def _work(connection: Connection, work: Callable[[Tell], None]) -> None:
    def tell(value: Any) -> None:
        try:
            connection.send((_TOLD, value))
            goes_on = connection.recv()
        except (EOFError, OSError):
            goes_on = False
        if not goes_on:
            raise SystemExit

    threading.Thread(target=_end_with_client, args=(connection.fileno(),), daemon=True).start()
    work(tell)


def _end_with_client(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, 0)  # nothing but that the other side is gone
    poll.poll()
    os._exit(1)


if __name__ == "__main__":
    _serve(Connection(int(sys.argv[1])), sys.argv[2:])
