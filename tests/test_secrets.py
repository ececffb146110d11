"""No secret leaves a process: each variable holds a mark, and no output or file has one of them."""

from __future__ import annotations

import json
import logging
import secrets
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pipeline.cli.main import main
from pipeline.core.errors import UsageError
from pipeline.core.hiding import hide_in_logs
from pipeline.core.settings import load_settings
from tests.processes import end_processes_of, processes_of

CHOICES = ("--model", "yolov8n-scratch.yaml", "--cfg", "cfg-custom", "--data", "data-custom")
NOWHERE = "127.0.0.1:9"


class Marks:
    """Draws marks, and looks for them."""

    def __init__(self) -> None:
        self.drawn: dict[str, str] = {}

    def draw(self, name: str) -> str:
        return self.drawn.setdefault(name, f"mk{secrets.token_hex(9)}")

    def address(self, name: str, server: str, scheme: str = "http") -> str:
        user, password, key = (self.draw(f"{name} {part}") for part in ("user", "pass", "query"))
        return f"{scheme}://{user}:{password}@{server}?token={key}"

    def within(self, data: str | bytes) -> list[str]:
        """Name the marks that some output has."""
        whole = data.encode() if isinstance(data, str) else data
        return [name for name, mark in self.drawn.items() if mark.encode() in whole]

    def left_in(self, folder: Path) -> dict[str, list[str]]:
        """Name the marks in any byte of any file."""
        files = (path for path in folder.rglob("*") if path.is_file())
        found = {str(path): self.within(path.read_bytes()) for path in files}
        return {path: names for path, names in found.items() if names}


class Asked(ThreadingHTTPServer):
    """Notes who asks for what, and answers that it knows nothing, echoing what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Asked

    def do_POST(self) -> None:
        login = self.headers.get("Authorization") or ""
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.path, login, json.loads(sent or "{}")))
        is_hook = "services" in self.path
        data = json.dumps({"error_code": "INVALID_STATE", "message": f"no: {self.path} {login}"})
        self.send_response(200 if is_hook else 400 if login else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data.encode())

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[Asked]:
    asked = Asked()
    thread = threading.Thread(target=asked.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield asked
    asked.shutdown()
    thread.join()
    asked.server_close()


@pytest.fixture
def marks(
    monkeypatch: pytest.MonkeyPatch, volume: Path, state: Path, server: Asked
) -> Iterator[Marks]:
    marks = Marks()
    user, password = marks.draw("mlflow user"), marks.draw("mlflow password")
    hook = marks.address("webhook", f"{server.address}/services/{marks.draw('webhook path')}")
    variables = {
        "SLIPWAY_VOLUME": str(volume),
        "SLIPWAY_STATE": str(state),
        "SLIPWAY_USER": "kim",
        "MLFLOW_TRACKING_URI": f"http://{user}:{password}@{server.address}",
        "SLIPWAY_POD_TRACKING_URI": marks.address("pods", "mlflow.lab:5000"),
        "MLFLOW_S3_ENDPOINT_URL": marks.address("s3", NOWHERE),
        "SLIPWAY_WEIGHTS_URL": marks.address("weights", f"{NOWHERE}/x"),
        "SLIPWAY_WEBHOOK_URL": hook,
        "KFP_ENDPOINT": marks.address("kfp", NOWHERE),
    }
    for name in ("KFP_TOKEN", "KFP_COOKIE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        variables[name] = marks.draw(name)
    variables["AWS_SESSION_TOKEN"] = marks.draw("AWS_SESSION_TOKEN")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    yield marks
    end_processes_of(state)


Say = Callable[..., str]


@pytest.fixture
def say(marks: Marks, capfd: pytest.CaptureFixture[str]) -> Say:
    """Run a command, as a person and as a script; nothing that it prints has a mark."""

    def call(*words: str, code: int | None = 0, both: bool = True) -> str:
        out = ""
        for more in ((), ("--json",)) if both else ((),):
            got = main([*words, *more])
            out, err = capfd.readouterr()
            assert code is None or got == code, (words, out, err)
            assert marks.within(out + err) == [], (words, out, err)
        return out

    return call


def test_no_command_prints_a_secret(marks: Marks, say: Say, volume: Path, state: Path) -> None:
    said = json.loads(say("doctor", code=None))
    kfp = next(check for check in said["checks"] if check["name"] == "engine kubeflow")
    assert f"http://{NOWHERE}" in kfp["detail"] and not kfp["ok"]
    say("preflight", *CHOICES)
    say("preflight", *CHOICES, "--engine", "kubeflow", both=False)
    say("compile", *CHOICES, "--engine", "kubeflow", both=False)
    say("launch", *CHOICES, "--engine", "kubeflow", code=6)
    say("launch", *CHOICES, "--set", "epochs=many", code=3)
    say("runs", code=None)
    say("weights")
    say("weights", "yolov8n.pt", code=6)
    say("images", "--builder", "nope", code=None)
    assert marks.left_in(volume) == {}
    assert marks.left_in(state) == {}


def test_a_launch_leaves_no_secret_and_its_webhook_is_called(
    marks: Marks, say: Say, volume: Path, state: Path, server: Asked
) -> None:
    for number in range(2):  # the second finds a controller that lives
        say(
            "launch",
            *CHOICES,
            "--no-train",
            "--name",
            f"n{number}",
            "--wait",
            code=None,
            both=False,
        )
        assert [
            words for line in processes_of(state) if (words := marks.within(str(line.cmdline())))
        ] == []
    runs = json.loads(say("runs", code=None))
    assert [run["state"] for run in runs] == ["succeeded"] * 2
    for run in runs:
        shown = json.loads(say("show", run["launch"]))
        assert (shown["mlflow"] or {}).get("url") in ("", f"http://{server.address}")
        say("logs", run["launch"], "notify", both=False)
        say("track", run["launch"], code=6)
    posts = [entry for entry in server.asked if "services" in entry[0]]
    (path, login, sent), _ = posts
    both = f"{marks.drawn['webhook user']}:{marks.drawn['webhook pass']}"
    assert login == f"Basic {b64encode(both.encode()).decode()}"
    assert path.endswith(f"{marks.drawn['webhook path']}?token={marks.drawn['webhook query']}")
    assert "succeeded" in sent["text"]
    both = f"{marks.drawn['mlflow user']}:{marks.drawn['mlflow password']}"
    logins = {login for path, login, _ in server.asked if "mlflow" in path}
    assert f"Basic {b64encode(both.encode()).decode()}" in logins
    assert marks.left_in(volume) == {}
    assert marks.left_in(state) == {}


def test_a_mirror_is_asked_with_the_user_of_its_address(
    marks: Marks, say: Say, server: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, password = marks.draw("mirror user"), marks.draw("mirror password")
    monkeypatch.setenv("SLIPWAY_WEIGHTS_URL", f"http://{user}:{password}@{server.address}/x")
    say("weights", "yolov8n.pt", code=6)
    path, login, _ = server.asked[-1]
    assert path == "/x/yolov8n.pt"
    assert login == f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def test_the_system_page_shows_no_secret(marks: Marks, volume: Path) -> None:
    def script() -> None:
        from dashboard.errors import guarded
        from dashboard.views.system import page

        guarded(page.render)()

    st.cache_resource.clear()  # the settings of another test
    page = AppTest.from_function(script, default_timeout=60).run()
    assert not page.exception
    assert marks.within(str(page)) == []
    shown = [frame.value.to_csv() for frame in page.dataframe]
    texts = [str(part.value) for part in (*page.markdown, *page.caption, *page.error, *page.code)]
    assert marks.within("\n".join([*shown, *texts])) == []
    assert NOWHERE in shown[-1]


def test_what_libraries_log_is_shown_like_all_else(
    marks: Marks, caplog: pytest.LogCaptureFixture
) -> None:
    hide_in_logs()
    log = logging.getLogger("urllib3.connectionpool")
    log.warning("Retrying %s of %s", f"/?token={marks.draw('a')}", f"http://{marks.draw('b')}@h")
    try:
        raise OSError(f"http://k:{marks.draw('c')}@h with {marks.drawn['KFP_TOKEN']}")
    except OSError:
        log.exception("%s", "x")
    assert marks.within(caplog.text) == []
    assert "Retrying /?token=… of http://h" in caplog.text and "OSError: http://h" in caplog.text


def test_settings_say_no_secret_of_themselves(marks: Marks) -> None:
    settings = load_settings()
    assert marks.within(repr(settings)) == [] and marks.within(str(settings)) == []


@pytest.mark.parametrize(
    "name",
    ["KFP_ENDPOINT", "MLFLOW_TRACKING_URI", "SLIPWAY_WEBHOOK_URL", "SLIPWAY_WEIGHTS_URL"],
)
@pytest.mark.parametrize(
    "form",
    [
        *("http://kim:{}@host:many", "http://{}@[bad", "//kim:{}@host:99999", "HTTP://{}@host:x"),
        *("ftp://kim:{}@[x", "http://h:x/hooks/{}", "http://h:x/?token={}"),
    ],
)
def test_an_address_that_is_none_is_refused_without_its_secret(name: str, form: str) -> None:
    if "hooks" in form and name != "SLIPWAY_WEBHOOK_URL":
        form = "http://k:{}@h:x"
    with pytest.raises(UsageError) as caught:
        load_settings({}, {name: form.format("S3cretS3cret")})
    assert name in str(caught.value) and "S3cret" not in str(caught.value)
