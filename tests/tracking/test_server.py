from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import psutil
import pytest

from pipeline.core.settings import Settings
from pipeline.tracking import server
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(tmp_path: Path, state: Path) -> Settings:
    return Settings(volume=tmp_path / "volume", state=state)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of an embedded server that answers."""
    folder = tmp_path_factory.mktemp("served")
    settings = Settings(volume=folder / "volume", state=folder / "state")
    embedded = server.start(settings)
    try:
        until(lambda: server.server_state(settings) == "ready", embedded.log)
        yield settings
    finally:
        embedded.stop()


def test_a_set_address_wins(tmp_path: Path, state: Path) -> None:
    settings = Settings(volume=tmp_path, state=state, tracking_uri="http://mlflow.example:5000")
    assert server.tracking_uri(settings) == "http://mlflow.example:5000"
    assert server.ui_url(settings) == "http://mlflow.example:5000"


@pytest.mark.parametrize(
    "address",
    [
        *("http://kim:S3cret@mlflow.lab:5000/", "http://mlflow.lab:5000/?token=S3cret"),
        *("http://mlflow.lab:5000?tenant=S3cretS3cretS3cretS3cret", "http://mlflow.lab:5000/?a=b"),
    ],
)
def test_links_to_pages_hold_no_secret_and_no_mark_of_one(
    tmp_path: Path, state: Path, address: str
) -> None:
    settings = Settings(volume=tmp_path, state=state, tracking_uri=address)
    assert server.ui_url(settings) == "http://mlflow.lab:5000"


def test_a_server_logs_no_password_of_its_database(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline.tracking.mlflow_server", "--backend-store-uri"]
    done = subprocess.run(
        [*command, "sqlite://lab/x?password=S3cret"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(server.ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "sqlite://lab/x?password=…" in done.stderr
    assert "S3cret" not in done.stdout + done.stderr


def test_without_a_server_it_is_a_sqlite_file(settings: Settings) -> None:
    assert server.tracking_uri(settings) == f"sqlite:///{settings.state}/mlflow.db"
    assert server.ui_url(settings) == ""
    assert server.server_state(settings) == "off"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"pid": 1}', '{"pid": 1, "started": 5, "host": "", "port": 1, "url": ""}'],
)
def test_a_record_that_says_nothing_is_no_server(settings: Settings, text: str) -> None:
    (settings.state / "mlflow.json").write_text(text)
    assert server.server_state(settings) == "off"
    assert server.tracking_uri(settings).startswith("sqlite:///")


def test_a_pid_used_again_is_not_taken_for_the_server(settings: Settings) -> None:
    record = {"host": "127.0.0.1", "port": 1, "url": "http://127.0.0.1:1"}
    mine = {"pid": os.getpid(), "started": psutil.Process().create_time(), **record}
    path = settings.state / "mlflow.json"
    path.write_text(json.dumps(mine))
    assert server.server_state(settings) == "starting"
    path.write_text(json.dumps({**mine, "started": mine["started"] - 100}))
    assert server.server_state(settings) == "off"


def test_the_pages_link_fits_the_browsers_view(settings: Settings) -> None:
    mine = {"pid": os.getpid(), "started": psutil.Process().create_time(), "port": 7}
    path = settings.state / "mlflow.json"
    path.write_text(json.dumps({**mine, "host": "0.0.0.0", "url": "http://127.0.0.1:7"}))
    assert server.ui_url(settings, seen_at="lab-pc") == "http://lab-pc:7"
    assert server.ui_url(settings) == "http://127.0.0.1:7"
    path.write_text(json.dumps({**mine, "host": "127.0.0.1", "url": "http://127.0.0.1:7"}))
    assert server.ui_url(settings, seen_at="lab-pc") == "http://127.0.0.1:7"


def test_it_answers_and_is_what_clients_are_told(served: Settings) -> None:
    url = server.tracking_uri(served)
    assert url == server.ui_url(served)
    assert url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{url}/version", timeout=10) as response:
        assert response.read().decode() == "3.5.1"


def test_pages_and_api_are_served(served: Settings) -> None:
    url = server.ui_url(served)
    with urllib.request.urlopen(f"{url}/", timeout=10) as response:
        assert b"MLflow" in response.read()
    with urllib.request.urlopen(
        f"{url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default", timeout=20
    ) as response:
        experiment = json.load(response)["experiment"]
    assert experiment["artifact_location"].startswith(str(server.artifacts(served)))


def asked(
    served: Settings, path: str, body: bytes | None = None, method: str = "", **headers: str
) -> tuple[int, str, Message]:
    """Ask the server; give status, body and headers."""
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    request = urllib.request.Request(
        f"{server.ui_url(served)}{path}", body, sent, method=method or None
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode(), refusal.headers


def names_of_experiments(served: Settings) -> set[str]:
    _, text, _ = asked(served, "/api/2.0/mlflow/experiments/search?max_results=100")
    return {entry["name"] for entry in json.loads(text)["experiments"]}


PATHS = ("/", "/health", "/version", "/static-files/x", "/get-artifact", "/graphql", "/v1/traces")
FOREIGN_HOSTS = ("evil.example:80", "10.evil.example", "192.168.evil.example", "localhost.evil.x")


@pytest.mark.parametrize("path", PATHS)
def test_strange_host_names_are_refused_on_every_path(served: Settings, path: str) -> None:
    for host in (*FOREIGN_HOSTS, "127.0.0.1.evil.example:5000"):
        assert asked(served, path, Host=host)[0] == 403, host


@pytest.mark.parametrize("api", ["/api/2.0", "/ajax-api/2.0", "/api/3.0", "/ajax-api/3.0"])
def test_a_foreign_origin_neither_reads_nor_changes(served: Settings, api: str) -> None:
    for origin in ("http://evil.example", "null", "http://localhost:1", "http://127.0.0.1:1"):
        for path, body in (
            (f"{api}/mlflow/experiments/search?max_results=1", None),
            (f"{api}/mlflow/experiments/create", b'{"name": "foreign"}'),
            (f"{api}/mlflow/webhooks", b"{}"),
        ):
            status, _, headers = asked(
                served, path, body, Origin=origin, Content_Type="application/json"
            )
            assert status == 403
            assert not [name for name in headers if name.lower().startswith("access-control")]
        assert (
            asked(served, f"{api}/mlflow/experiments/create", method="OPTIONS", Origin=origin)[0]
            == 403
        )
    assert "foreign" not in names_of_experiments(served)


def test_what_a_form_could_send_changes_nothing(served: Settings) -> None:
    path, body = "/ajax-api/2.0/mlflow/experiments/create", b'{"name": "form"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; x=1"):
        status, said, _ = asked(served, path, body, Content_Type=kind)
        assert status == 403
        assert "send it as JSON" in said
    assert "form" not in names_of_experiments(served)


def test_its_own_pages_change_what_they_show(served: Settings) -> None:
    own = server.ui_url(served)
    path, body = "/ajax-api/2.0/mlflow/experiments/create", b'{"name": "by its page"}'
    status, _, headers = asked(served, path, body, Origin=own, Content_Type="application/json")
    assert status == 200
    assert "access-control-allow-origin" not in headers
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert "by its page" in names_of_experiments(served)


def test_a_notebook_that_knows_nothing_but_the_address_logs_and_deletes(served: Settings) -> None:
    program = (
        "import mlflow, pathlib, sys\n"
        "mlflow.set_experiment('notebook')\n"
        "with mlflow.start_run() as run:\n"
        "    mlflow.log_metric('loss', 0.5)\n"
        "    mlflow.log_text('kept', 'note.txt')\n"
        "print(mlflow.artifacts.load_text(run.info.artifact_uri + '/note.txt'))\n"
        "mlflow.delete_run(run.info.run_id)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "MLFLOW_TRACKING_URI": server.tracking_uri(served)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "kept" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--allowed-hosts", "10.*,*.example"], "'10.*', '*.example'"),
        (["--gunicorn-opts", "--timeout 5"], "--gunicorn-opts"),
        (["--app-name", "basic-auth"], "--app-name"),
        (["--cors-allowed-origins", "*"], "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"),
    ],
)
def test_an_option_that_would_go_round_the_guard_is_refused(
    tmp_path: Path, options: list[str], said: str
) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pipeline.tracking.mlflow_server"),
            *("--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db", *options),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_not_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert not server.is_free("127.0.0.1", taken.getsockname()[1])
    assert server.is_free("127.0.0.1", server.free_port("127.0.0.1"))


def test_stopped_it_is_gone_and_a_restart_keeps_the_port(settings: Settings) -> None:
    first = server.start(settings)
    group = psutil.Process(first.record.pid).children(recursive=True)
    first.stop()
    assert first.exit_code is not None
    assert server.server_state(settings) == "off"
    assert not any(process.is_running() for process in group)
    second = server.start(settings)
    second.stop()
    assert second.record.port == first.record.port


def test_it_imports_nothing_from_the_state_folder(settings: Settings) -> None:
    for name in ("flask", "fastapi", "uvicorn", "mlflow", "colorsys", "sqlalchemy"):
        (settings.state / f"{name}.py").write_text("raise SystemExit('foreign')")
    started = server.start(settings)
    try:
        until(
            lambda: server.server_state(settings) == "ready" or started.exit_code is not None,
            started.log,
        )
        assert started.exit_code is None, started.log.read_text()
    finally:
        started.stop()


def test_it_ends_with_a_starter_that_is_killed(settings: Settings) -> None:
    program = (
        "import sys, time; from pathlib import Path;"
        "from pipeline.core.settings import Settings; from pipeline.tracking import server;"
        "started = server.start(Settings(volume=Path('/x'), state=Path(sys.argv[1])));"
        "print(started.record.pid, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", program, str(settings.state)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    with starter.stdout:
        guard = psutil.Process(int(starter.stdout.readline()))
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    log = settings.state / "logs" / "mlflow.log"
    until(lambda: server.server_state(settings) == "off", log)
    until(lambda: not guard.is_running() or guard.status() == "zombie", log)
