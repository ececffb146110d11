"""The exit handler: it reports, and never fails a run."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from step_images.notify import __main__ as notify
from tests.fault_table import record
from tests.step_images.step_runner import StepRunner

GIVEN = {"launch": "L", "run_uid": "uid-1", "status": "Failed"}


class Webhook(HTTPServer):
    """Keeps what it is sent, and answers as it is told."""

    status = 200
    refuses = 0  # so many times it answers 503 first
    leads_to = ""
    received: list[Any]
    logins: list[str | None]


class Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.server.received.append(json.loads(body or "null"))
        self.server.logins.append(self.headers.get("Authorization"))
        is_away = len(self.server.received) <= self.server.refuses
        self.send_response(503 if is_away else self.server.status)
        if self.server.leads_to:
            self.send_header("Location", self.server.leads_to)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Webhook]:
    with Webhook(("127.0.0.1", 0), Handler) as server:
        server.received, server.logins = [], []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with serving() as server:
        yield server


@pytest.fixture
def bare(tmp_path: Path) -> StepRunner:
    """Runs the step where there is no volume at all."""
    return StepRunner(tmp_path / "none", tmp_path)


def test_nothing_is_sent_without_a_webhook(bare: StepRunner) -> None:
    done = bare("notify", **GIVEN)
    assert done.returncode == 0
    assert "no webhook is set" in done.stdout


def test_the_end_of_the_run_is_sent(bare: StepRunner, webhook: Webhook) -> None:
    bare.variables["SLIPWAY_WEBHOOK_URL"] = f"http://127.0.0.1:{webhook.server_port}/T0KEN"
    done = bare("notify", **GIVEN)
    assert done.returncode == 0
    assert webhook.received == [{"text": "✕ L: failed", **GIVEN}]
    assert "T0KEN" not in done.stdout


def test_a_refusal_does_not_fail_the_run(bare: StepRunner, webhook: Webhook) -> None:
    webhook.status = 404
    bare.variables["SLIPWAY_WEBHOOK_URL"] = f"http://127.0.0.1:{webhook.server_port}/"
    done = bare("notify", **GIVEN)
    assert done.returncode == 0
    assert "was not reached: HTTP 404. The run is not affected" in done.stdout
    assert len(webhook.received) == 1  # it would say the same again


def test_a_receiver_that_is_away_for_a_moment_is_told_later(
    bare: StepRunner, webhook: Webhook
) -> None:
    webhook.refuses = 1
    bare.variables["SLIPWAY_WEBHOOK_URL"] = f"http://127.0.0.1:{webhook.server_port}/T0KEN"
    done = bare("notify", **GIVEN)
    assert done.returncode == 0
    assert webhook.received == [{"text": "✕ L: failed", **GIVEN}] * 2
    assert "was not reached: HTTP 503; again in 1 s\nrun L ended: Failed; webhook says 200" in (
        done.stdout
    )
    record(
        "the webhook's receiver away",
        "for a moment at the run's end",
        "nothing; the exit handler's log says so",
        "it is told 1, 3, 9 or 20 s later",
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_server_is_not_told_who_we_are(
    bare: StepRunner, webhook: Webhook, status: int
) -> None:
    with serving() as other:
        webhook.status, webhook.leads_to = status, f"http://127.0.0.1:{other.server_port}/"
        bare.variables["SLIPWAY_WEBHOOK_URL"] = f"http://kim:S3@127.0.0.1:{webhook.server_port}/"
        done = bare("notify", **GIVEN)
    assert done.returncode == 0
    assert webhook.logins == [f"Basic {b64encode(b'kim:S3').decode()}"]
    assert not any(other.logins)


def test_a_receiver_that_stays_away_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLIPWAY_WEBHOOK_URL", "http://127.0.0.1:1/T0KEN")
    monkeypatch.setattr(notify, "PAUSES_S", (0, 0.01))
    assert notify.main(["--status", "Failed", "--run-uid", "uid-1", "--launch", "L"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3 and "T0KEN" not in "".join(said)
    assert said[-1] == "the webhook was not reached: URLError. The run is not affected."
    record(
        "the webhook's receiver away",
        "for longer",
        "nothing; the exit handler's log says so",
        "it is given up after five times; the run is not affected",
    )


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://[bad"])
def test_an_address_that_does_not_work_does_not_fail_the_run(bare: StepRunner, url: str) -> None:
    bare.variables["SLIPWAY_WEBHOOK_URL"] = url
    done = bare("notify", **GIVEN)
    assert done.returncode == 0
    assert "The run is not affected" in done.stdout
    assert "T0KEN" not in done.stdout + done.stderr
