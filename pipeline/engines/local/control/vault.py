"""What runs must not leave on a disk: secret values, in the memory of the controller.

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
from collections.abc import Callable, Collection, Iterator, Mapping

from pipeline.engines.local.layout import Layout

DONE = b"kept"
_ANSWER_S = 2.0
_TROUBLE_S = 0.5
# Longer than it takes to queue a run after its values were handed over, also on a busy disk.
_UNKNOWN_S = 30.0
_MOST_BYTES = 1 << 20

_log = logging.getLogger("slipway.controller")


class Vault:
    """The values by run.

    Parameters
    ----------
    descriptor
        The nameless file; a new one when None.

    Attributes
    ----------
    is_listening
        Whether values can be handed over at all.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self.is_listening = False
        self._descriptor = make_memory() if descriptor is None else descriptor
        os.set_inheritable(self._descriptor, False)
        self._lock = threading.Lock()
        text = os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)
        self._values: dict[str, dict[str, str]] = {}
        with contextlib.suppress(ValueError):  # a controller was killed while it wrote
            self._values = json.loads(text or "{}")
        self._taken_at = dict.fromkeys(self._values, time.monotonic())

    def get(self, run_id: str) -> Mapping[str, str]:
        """Give what was handed over for a run."""
        with self._lock:
            return dict(self._values.get(run_id, {}))

    def put(self, run_id: str, values: Mapping[str, str]) -> None:
        """Keep values for a run, beside those that there are."""
        with self._lock:
            self._values[run_id] = {**self._values.get(run_id, {}), **values}
            self._taken_at[run_id] = time.monotonic()
            self._write()

    def forget_all_but(self, run_ids: Callable[[], Collection[str]]) -> None:
        """Forget the values of other runs: of those that are over, deleted, or never came.

        What came lately is kept: its run is about to be queued, or retried.
        """
        with self._lock:
            before = time.monotonic() - _UNKNOWN_S
            old = {run_id for run_id, at in self._taken_at.items() if at < before}
        if not old or not (old := old.difference(run_ids())):
            return
        with self._lock:
            for run_id in old:
                if self._taken_at[run_id] < before:  # else it was retried meanwhile
                    del self._values[run_id], self._taken_at[run_id]
            self._write()

    def _write(self) -> None:
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
            with short_address(layout) as path:
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
        self.is_listening = True
        threading.Thread(target=self._serve, args=(server,), name="handover", daemon=True).start()

    def _serve(self, server: socket.socket) -> None:
        """Take one after the other, whatever becomes of one: there is no other thread for it."""
        while True:
            try:
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(_ANSWER_S)
                    document = json.loads(_received(connection))
                    self.put(str(document["run"]), _checked(document["values"]))
                    connection.sendall(DONE)
            except Exception as reason:  # noqa: BLE001
                # Its kind alone: its text may be what was to be kept.
                _log.warning("values were not handed over: %s", type(reason).__name__)
                time.sleep(_TROUBLE_S)


def make_memory() -> int:
    """Make a file that is on no disk."""
    return os.memfd_create("slipway-handover")


@contextlib.contextmanager
def short_address(layout: Layout) -> Iterator[str]:
    """Name the socket by its folder's descriptor: an address has room for 107 bytes only."""
    folder = os.open(layout.base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{layout.socket.name}"
    finally:
        os.close(folder)


def _checked(values: object) -> dict[str, str]:
    """Give values that can be a step's variables.

    Raises
    ------
    TypeError
        They cannot be.
    """
    if isinstance(values, dict) and all(isinstance(text, str) for text in values.values()):
        return values
    raise TypeError("values are not texts by name")


def _received(connection: socket.socket) -> bytes:
    data = b""
    while len(data) < _MOST_BYTES and (part := connection.recv(1 << 16)):
        data += part
    return data
