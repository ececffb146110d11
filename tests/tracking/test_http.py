"""A real MLflow server behind a gate that wants credentials, with artifacts through the server."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from pipeline.core.errors import TrackingUnreachable
from pipeline.core.files import write_atomic
from pipeline.core.guarded import start_guarded, stop_guarded
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.client import mlflow_client
from pipeline.tracking.reader import Tracking
from pipeline.tracking.server import LOOPBACK, answers, free_port
from pipeline.tracking.sync import sync
from pipeline.tracking.writer import FINISHED, RunWriter
from tests.waiting import until

NAME = "20261123-1432-shapes-yolov8n-k3f9"
WRITTEN = (0.4, "0.01", ["args.yaml", "results.csv"])
TOKEN = "Bearer t0ken"
BASIC = "Basic " + b64encode(b"ann:s3cret").decode()


class Gate(ThreadingHTTPServer):
    """Passes on what comes with credentials."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.target = target


class _Handler(BaseHTTPRequestHandler):
    server: Gate

    def do_GET(self) -> None:
        if self.headers.get("Authorization") not in (TOKEN, BASIC):
            self._answer(401, b'{"error_code": "PERMISSION_DENIED", "message": "who are you?"}')
            return
        length = int(self.headers.get("Content-Length") or 0)
        kind = self.headers.get("Content-Type") or "application/json"
        request = urllib.request.Request(
            self.server.target + self.path,
            data=self.rfile.read(length) if length else None,
            headers={"Content-Type": kind},
            method=self.command,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                self._answer(response.status, response.read())
        except urllib.error.HTTPError as reason:
            self._answer(reason.code, reason.read())

    do_POST = do_PUT = do_PATCH = do_GET

    def _answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    folder = tmp_path_factory.mktemp("mlflow")
    port = free_port(LOOPBACK)
    process = _server(folder, port)
    made = Gate(f"http://{LOOPBACK}:{port}")
    thread = Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
    try:
        until(lambda: answers(f"{made.target}/health"), of=process)
        thread.start()
        yield made
        made.shutdown()
        thread.join()
    finally:
        made.server_close()
        stop_guarded(process)


def _server(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
        *("--host", LOOPBACK, "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--serve-artifacts", "--artifacts-destination", str(folder / "artifacts")),
    ]
    log = folder / "mlflow.log"
    return start_guarded(command, log=log, environment=dict(os.environ), folder=folder)


@pytest.fixture
def settings(gate: Gate, tmp_path: Path) -> Settings:
    address = f"http://{LOOPBACK}:{gate.server_port}"
    return Settings(volume=tmp_path / "volume", state=tmp_path / "state", tracking_uri=address)


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> RunFolder:
    """A finished launch whose MLflow run is this test's own."""
    folder = RunFolder(settings.volume / "runs" / NAME)
    launch = Launch(
        id=NAME,
        choices=Choices(),
        model_path="yolov8n.pt",
        user="ann",
        created_at="2026-11-23T14:32:00.000Z",
        code_version="0",
    )
    launch.save(folder.launch)
    write_atomic(folder.owner, f"uid of {tmp_path.name}")
    write_atomic(folder.results, "epoch,time,metrics/mAP50-95(B)\n1,1.0,0.1\n2,2.0,0.4\n")
    write_atomic(folder.step("train") / "args.yaml", "lr0: 0.01\n")
    return folder


def written_and_read(settings: Settings, folder: RunFolder) -> tuple[float, str, list[str]]:
    """Write a run to MLflow; give its mAP50-95, its lr0 and its files, as they are read back."""
    writer = RunWriter(folder, settings)
    writer.sync()
    writer.upload()
    writer.set_status(FINISHED)
    assert sync(settings) >= 1
    tracking = Tracking(settings)
    where = mlflow_client(settings.tracking_uri).get_run(writer.run_id).info.artifact_uri
    store = get_artifact_repository(where, tracking_uri=settings.tracking_uri)
    files = [Path(entry.path).name for entry in store.list_artifacts("train")]
    return tracking.metrics(NAME)["mAP50-95"]["best"], tracking.params(NAME)["lr0"], files


def test_a_token_opens_the_gate(
    settings: Settings, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN.removeprefix("Bearer "))
    assert written_and_read(settings, folder) == WRITTEN


def test_name_and_password_open_the_gate(
    settings: Settings, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s3cret")
    assert written_and_read(settings, folder) == WRITTEN


def test_name_and_password_may_be_in_the_address(settings: Settings, folder: RunFolder) -> None:
    address = settings.tracking_uri.replace("://", "://ann:s3cret@")
    assert written_and_read(replace(settings, tracking_uri=address), folder) == WRITTEN
    assert "s3cret" not in folder.mlflow.read_text()


def test_without_credentials_it_says_that_it_was_refused(
    settings: Settings, folder: RunFolder
) -> None:
    for ask in (lambda: sync(settings), lambda: RunWriter(folder, settings)):
        with pytest.raises(TrackingUnreachable, match="who are you") as caught:
            ask()
        assert "MLFLOW_TRACKING_TOKEN" in caught.value.next
