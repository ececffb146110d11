"""A server that takes connections and never answers: worse than one that is gone."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Silent:
    """Counts who connects.

    Parameters
    ----------
    url
        Where it listens.
    """

    def __init__(self, listening: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self._listening = listening
        self.connections: list[socket.socket] = []

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # closed: the test is over
                return
            self.connections.append(connection)


@contextmanager
def silent_server() -> Iterator[Silent]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        server = Silent(listening)
        threading.Thread(target=server.serve, daemon=True).start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)
        for connection in server.connections:
            connection.close()
