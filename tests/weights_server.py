"""A web server on this machine that has weights, and misbehaves when it is asked to."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.weights_files import sound_weights

RELEASE = "/ultralytics/assets/releases/download/v8.4.0"
_API = "/api/v3/repos/ultralytics/assets/releases/tags/v8.4.0"


def weights_file(size_bytes: int = 1_000_000) -> bytes:
    """A zip archive, as torch.save writes it, of about this size; the same bytes each time."""
    return sound_weights(size_bytes)


@dataclass
class WeightsServer:
    """What the server has and does.

    Parameters
    ----------
    files
        Content by path.
    cut_after
        Bytes of a file after which it breaks off.
    hold_after
        Bytes of a file after which it says nothing until `go_on` is set.
    asked
        The paths that it was asked for.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    has_length: bool = True
    cut_after: int | None = None
    hold_after: int | None = None
    holds: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    @property
    def release(self) -> str:
        """The address of a release, as GitHub has them."""
        return self.address + RELEASE

    def publish(self, name: str, content: bytes, digest: str | None = "right") -> None:
        """Put a file into the release, with what the API says about it."""
        self.files[f"{RELEASE}/{name}"] = content
        if digest == "right":
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        document = {"assets": [{"name": "other.pt"}, {"name": name, "digest": digest}]}
        self.files[_API] = json.dumps(document).encode()


@pytest.fixture
def weights_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WeightsServer]:
    """A server for one test; no proxy of the machine stands before it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    state = WeightsServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        state.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(state: WeightsServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            content = state.files.get(self.path)
            if content is None or state.status != 200:
                self.send_error(state.status if state.status != 200 else 404)
                return
            self.send_response(200)
            if state.has_length:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            is_weights = self.path.endswith(".pt")
            self._send(content, is_weights)

        def _send(self, content: bytes, is_weights: bool) -> None:
            if is_weights and state.cut_after is not None:
                self.wfile.write(content[: state.cut_after])
                return
            if is_weights and state.hold_after is not None:
                self.wfile.write(content[: state.hold_after])
                self.wfile.flush()
                state.holds.set()
                state.go_on.wait(30)
                content = content[state.hold_after :]
            try:
                self.wfile.write(content)
            except OSError:  # whoever asked has gone
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
