"""A process for each piece of work, forked from one that has imported what all of them need.

Importing torch and Ultralytics takes longer than a short trial trains. The server does it once; all
that work leaves behind, in memory, on the GPU or in its working directory, ends with its process.
The server itself does nothing else: a process with one thread, and without CUDA, can be forked.
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
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

# Tells something to the process that started the work and waits for it; ends the work on its wish.
Tell = Callable[[Any], None]
_TOLD, _ENDED = "told", "ended"
_POLL_S = 1.0


class ForkServer:
    """Context manager that starts the server; it ends with this process at the latest.

    Work that still runs then ends too.

    Parameters
    ----------
    imports
        Modules to import before anything is forked. They must neither start threads nor use CUDA.
    """

    def __init__(self, imports: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            program = [sys.executable, "-m", __spec__.name, str(theirs.fileno()), *imports]
            self._process = subprocess.Popen(program, pass_fds=[theirs.fileno()])
        self._connection = Connection(ours.detach())

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
        kind, value = self._ask(work)
        try:
            while kind == _TOLD:
                yield value
                kind, value = self._ask(True)
        finally:
            while kind == _TOLD:
                kind, value = self._ask(False)
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
    while True:
        try:
            work = connection.recv()
        except EOFError:
            return
        sys.stdout.flush()
        child = os.fork()
        if not child:
            _work(connection, work)
            return
        _, status = os.waitpid(child, 0)
        connection.send((_ENDED, os.waitstatus_to_exitcode(status)))


def _work(connection: Connection, work: Callable[[Tell], None]) -> None:
    def tell(value: Any) -> None:
        connection.send((_TOLD, value))
        if not connection.recv():
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
