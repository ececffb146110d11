"""The embedded MLflow server: one process a state folder, SQLite and files, no proxy.

Who wants to track asks `tracking_uri`; who starts and stops the server is `pipeline.serve`.
Nothing here imports mlflow: the server is a process, and its address is a file.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from pipeline.access.hosts import LOOPBACK, is_loopback, reached_at
from pipeline.core.addresses import bare
from pipeline.core.files import write_json
from pipeline.core.guarded import start_guarded, stop_guarded
from pipeline.core.settings import ENVIRONMENT, Settings

ROOT = Path(__file__).resolve().parents[2]
# What a person set for a server of their own would change ours.
_MLFLOWS_OWN = (
    *("MLFLOW_TRACKING_URI", "MLFLOW_BACKEND_STORE_URI", "MLFLOW_REGISTRY_STORE_URI"),
    *("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE"),
    *("MLFLOW_GUNICORN_OPTS", "MLFLOW_UVICORN_OPTS", "MLFLOW_STATIC_PREFIX"),
)
ServerState = Literal["off", "starting", "ready"]


@dataclass(frozen=True)
class ServerRecord:
    """What ``<state>/mlflow.json`` says about the embedded server.

    Parameters
    ----------
    pid, started
        The server's process and when it was created (seconds since 1970), so that another
        process that was given the same number later is not taken for it.
    host, port
        What it listens on.
    url
        Where processes of this machine reach it.
    """

    pid: int
    started: float
    host: str
    port: int
    url: str


class EmbeddedServer:
    """A running server; made by `start`, ended by `stop` or with the process that started it."""

    def __init__(self, record: ServerRecord, process: subprocess.Popen[bytes], log: Path) -> None:
        self.record = record
        self.log = log
        self._process = process

    @property
    def exit_code(self) -> int | None:
        """The exit code when the server is over, else None."""
        return self._process.poll()

    def stop(self) -> None:
        """End the server; the record stays, so that the next start takes the same port."""
        stop_guarded(self._process)


def tracking_uri(settings: Settings) -> str:
    """Give the address for MLflow's client: set by a person, embedded server, or SQLite file."""
    if settings.tracking_uri:
        return settings.tracking_uri
    record = running(settings)
    return record.url if record else f"sqlite:///{database(settings)}"


def ui_url(settings: Settings, seen_at: str = "") -> str:
    """Give the address of MLflow's pages, or nothing when there are none.

    Parameters
    ----------
    settings
        Which installation.
    seen_at
        Host name under which the browser sees the dashboard; it counts when the embedded server
        listens on more than the loopback.
    """
    if settings.tracking_uri:
        address = bare(settings.tracking_uri).partition("?")[0].rstrip("/")  # pages are put behind
        return address if address.startswith("http") else ""
    record = running(settings)
    if record is None:
        return ""
    if seen_at and not is_loopback(record.host):
        return f"http://{seen_at}:{record.port}"
    return record.url


def server_state(settings: Settings) -> ServerState:
    """Say whether the embedded server answers; its first start takes up to 25 seconds."""
    record = running(settings)
    if record is None:
        return "off"
    return "ready" if answers(f"{record.url}/health") else "starting"


def running(settings: Settings) -> ServerRecord | None:
    """Give the record of the embedded server when its process is alive."""
    record = _read(settings)
    if record is None:
        return None
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.started) < 0.01
        return record if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def start(settings: Settings, host: str = LOOPBACK) -> EmbeddedServer:
    """Start the server and record where it is; the port of the last time is taken when free.

    It does not wait: the first start makes the database, which takes up to 25 seconds.
    """
    last = _read(settings)
    port = last.port if last and is_free(host, last.port) else free_port(host)
    log = settings.state / "logs" / "mlflow.log"
    artifacts(settings).mkdir(parents=True, exist_ok=True)
    process = start_guarded(
        _command(settings, host, port),
        log=log,
        environment=_environment(settings),
        folder=settings.state,
    )
    started = psutil.Process(process.pid).create_time()
    record = ServerRecord(process.pid, started, host, port, f"http://{reached_at(host)}:{port}")
    write_json(_record_file(settings), asdict(record))
    return EmbeddedServer(record, process, log)


def database(settings: Settings) -> Path:
    """Give the SQLite file that server and fallback share."""
    return settings.state / "mlflow.db"


def artifacts(settings: Settings) -> Path:
    """Give the folder for artifacts, the same for server and fallback."""
    return settings.state / "mlartifacts"


def answers(url: str) -> bool:
    """Say whether a page answers with success, within a second."""
    from urllib.request import urlopen  # most commands ask no server

    try:
        with urlopen(url, timeout=1.0) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def is_free(host: str, port: int) -> bool:
    """Say whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str) -> int:
    """Give a port that nobody listens on."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _command(settings: Settings, host: str, port: int) -> list[str]:
    """Artifacts are plain files that clients write themselves: nothing to proxy."""
    return [
        # The working folder is the state's: nothing is imported from there.
        *(sys.executable, "-P", "-m", "pipeline.tracking.mlflow_server"),
        *("--host", host, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{database(settings)}"),
        *("--default-artifact-root", str(artifacts(settings)), "--no-serve-artifacts"),
    ]


def _environment(settings: Settings) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in _MLFLOWS_OWN}
    return environment | {
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(settings.allowed_hosts),
        "SLIPWAY_MLFLOW_HOSTS_TOLD_BY": ENVIRONMENT["allowed_hosts"],
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",
    }


def _record_file(settings: Settings) -> Path:
    return settings.state / "mlflow.json"


def _read(settings: Settings) -> ServerRecord | None:
    try:
        document: dict[str, Any] = json.loads(_record_file(settings).read_text(encoding="utf-8"))
        return ServerRecord(**document)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):  # of another version: the next start writes it anew
        return None
