"""Handing secret values to the controller: through a socket of its owner's, into memory.

The memory is a file without a name (memfd), held by the controller and its keeper, so that the
next controller has it when one is killed. It is gone when both are.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from pipeline.engines.local.layout import Layout

_ANSWER_S = 2.0
_LIMIT_S = 10.0
_PAUSE_S = 0.05
_MOST_BYTES = 1 << 20
_DONE = b"kept"

_log = logging.getLogger("slipway.controller")


class Vault:
    """The values by run.

    Parameters
    ----------
    descriptor
        The nameless file; a new one when None.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = make_memory() if descriptor is None else descriptor
        os.set_inheritable(self._descriptor, False)
        self._lock = threading.Lock()
        text = os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)
        self._values: dict[str, dict[str, str]] = {}
        with contextlib.suppress(ValueError):  # a controller was killed while it wrote
            self._values = json.loads(text or "{}")

    def get(self, run_id: str) -> Mapping[str, str]:
        """Give what was handed over for a run."""
        with self._lock:
            return dict(self._values.get(run_id, {}))

    def put(self, run_id: str, values: Mapping[str, str]) -> None:
        """Keep values for a run, beside those that there are."""
        with self._lock:
            self._values[run_id] = {**self._values.get(run_id, {}), **values}
            text = json.dumps(self._values).encode()
            os.pwrite(self._descriptor, text, 0)
            os.ftruncate(self._descriptor, len(text))

    def listen(self, layout: Layout) -> None:
        """Take values from processes of the same user, in a thread of its own.

        Where the state folder takes no socket, steps have what the own environment has.
        """
        server = socket.socket(socket.AF_UNIX)
        try:
            layout.socket.unlink(missing_ok=True)  # of one that was killed; the lock is ours
            with _short(layout) as path:
                before = os.umask(0o177)
                try:
                    server.bind(path)
                finally:
                    os.umask(before)
            server.listen()
        except OSError as reason:
            _log.warning("no secrets can be handed over: %s", reason)
            server.close()
            return
        threading.Thread(target=self._serve, args=(server,), name="handover", daemon=True).start()

    def _serve(self, server: socket.socket) -> None:
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                connection.settimeout(_ANSWER_S)
                document = json.loads(_received(connection))
                self.put(str(document["run"]), {**document["values"]})
                connection.sendall(_DONE)


def make_memory() -> int:
    """Make a file that is on no disk."""
    return os.memfd_create("slipway-handover")


def entrust(
    layout: Layout, run_id: str, values: Mapping[str, str], start: Callable[[], bool]
) -> None:
    """Let the controller have the values of a run, whether one lives or not.

    Parameters
    ----------
    start
        Starts a controller, which has this process's environment, when none lives; says whether
        that was so.
    """
    give_up_at = time.monotonic() + _LIMIT_S
    with contextlib.suppress(OSError):  # a disk that is full; the call that follows says so
        while values and not start():
            if _send(layout, run_id, values) or time.monotonic() > give_up_at:
                return
            time.sleep(_PAUSE_S)


def _send(layout: Layout, run_id: str, values: Mapping[str, str]) -> bool:
    """Say whether a controller has taken the values; one that just starts does not listen yet."""
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
        client.settimeout(_ANSWER_S)
        with _short(layout) as path:
            client.connect(path)
        client.sendall(json.dumps({"run": run_id, "values": dict(values)}).encode())
        client.shutdown(socket.SHUT_WR)
        return client.recv(len(_DONE)) == _DONE
    return False


def _received(connection: socket.socket) -> bytes:
    data = b""
    while len(data) < _MOST_BYTES and (part := connection.recv(1 << 16)):
        data += part
    return data


@contextlib.contextmanager
def _short(layout: Layout) -> Iterator[str]:
    """Name the socket by its folder's descriptor: an address has room for 107 bytes only."""
    folder = os.open(layout.base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{layout.socket.name}"
    finally:
        os.close(folder)
