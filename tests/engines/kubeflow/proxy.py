"""A wire between a test and the real KFP API that the test can cut."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from urllib.parse import urlsplit

_LAUNCHES = b"POST /apis/v1beta1/runs "


class Proxy:
    """Passes bytes on, one thread a direction.

    Parameters
    ----------
    endpoint
        Address of the API.

    Attributes
    ----------
    swallows_launch
        Whether the answer to the next launch is cut off; the API itself gets and does it.
    """

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._to = (parts.hostname or "", parts.port or 80)
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        self.swallows_launch = False
        self._listen()

    @property
    def url(self) -> str:
        """Address of the proxy; the same after an outage."""
        return f"http://127.0.0.1:{self._port}"

    def cut(self) -> None:
        """Break all connections and take no new one."""
        for end in (self._listener, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def mend(self) -> None:
        """Take connections again."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._listen()

    def _listen(self) -> None:
        Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._to)
                self._open += [near, far]
                Thread(target=self._pass_on, args=(near, far), daemon=True).start()
                Thread(target=self._pass_back, args=(far, near), daemon=True).start()

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(1 << 16):
                if self.swallows_launch and data.startswith(_LAUNCHES):
                    self._swallow(near, far, data)
                    break
                far.sendall(data)
        _close(near, far)

    def _pass_back(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(1 << 16):
                near.sendall(data)
        _close(near, far)

    def _swallow(self, near: socket.socket, far: socket.socket, data: bytes) -> None:
        """Hand a launch over by a connection of its own, and drop what is answered."""
        self.swallows_launch = False
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-len")]
        left = int(lengths[0].partition(b":")[2]) - len(body)
        with socket.create_connection(self._to) as own:
            own.sendall(data)
            while left > 0:
                more = near.recv(1 << 16)
                own.sendall(more)
                left -= len(more)
            own.recv(1)  # the API has done it by now


def _close(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def proxied(endpoint: str) -> Iterator[Proxy]:
    """Give a proxy in front of an API for as long as the block runs."""
    proxy = Proxy(endpoint)
    try:
        yield proxy
    finally:
        proxy.cut()
