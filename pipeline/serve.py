"""What ``./run.sh`` runs: the dashboard, with the embedded MLflow server behind it.

Both end on Ctrl-C, and when this process is killed. Runs go on: they belong to the embedded engine,
which is woken where it has work and does not run, as after a restart of the machine.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from pipeline.access.hosts import LOOPBACK, is_loopback, parse_hosts, reached_at, require_listenable
from pipeline.actions.installation import Installation
from pipeline.core.errors import EngineUnreachable, SlipwayError, UsageError
from pipeline.core.guarded import start_guarded, stop_guarded
from pipeline.core.settings import ENVIRONMENT, Settings, load_settings
from pipeline.core.volume.sample import needs_sample, write_sample
from pipeline.tracking import server

ROOT = Path(__file__).resolve().parents[1]
PORT = 8501
DASHBOARD_LIMIT_S = 120
WAKE_S = 2.0
MOST_WAKE_S = 60.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Stop(Exception):
    """A person or the system asks for the end."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; give the exit code."""
    options = _parser().parse_args(arguments)
    for number in _SIGNALS:
        signal.signal(number, _ask_to_stop)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup's wish stands
        signal.signal(signal.SIGHUP, _ask_to_stop)
    try:
        volume = str(Path(options.called_from, options.volume)) if options.volume else ""
        given = {"tracking_uri": options.mlflow, "allowed_hosts": options.allowed_hosts}
        settings = load_settings({"volume": volume, **given})
        parse_hosts(settings.allowed_hosts)  # a mistake in it is said before anything is started
        require_listenable(options.host)
        _warn_of_others(options.host)
        _prepare(settings)
        return _serve(settings, options.host, _port(options.host, options.port))
    except _Stop:
        return 0
    except SlipwayError as reason:
        _say(str(reason))
        return reason.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run.sh", description="Open Slipway's dashboard; Ctrl-C ends it, runs go on."
    )
    parser.add_argument("--volume", metavar="DIR", default="", help="your volume (./volume)")
    parser.add_argument("--port", metavar="N", type=int, help=f"the page's port ({PORT} or next)")
    parser.add_argument("--mlflow", metavar="URI", default="", help="your own MLflow server")
    parser.add_argument(
        "--host",
        metavar="H",
        default=LOOPBACK,
        help="address to listen on (127.0.0.1: this machine only); there is no login",
    )
    parser.add_argument(
        "--allowed-hosts",
        metavar="NAMES",
        default="",
        help="names of a proxy in front, or further names of this machine, with commas between",
    )
    # run.sh goes to the repository's root; a relative DIR means the folder that it was called from.
    parser.add_argument("--called-from", default="", help=argparse.SUPPRESS)
    return parser


def _warn_of_others(host: str) -> None:
    if not is_loopback(host):
        _say(
            f"There is no login: whoever reaches {host} can read the volume, change its files, and "
            "launch, stop and delete runs as you. A proxy with a login: docs/security.md."
        )


def _prepare(settings: Settings) -> None:
    # The state has a person's preferences, logs and runs; a volume is there to be shared.
    for name, folder, mode in (
        ("volume", settings.volume, 0o777),
        ("state folder", settings.state, 0o700),
    ):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=mode)
        except OSError as reason:
            raise UsageError(
                f"the {name} {folder} cannot be made: {reason.strerror}.",
                next="Name a folder that you may write to.",
            ) from reason
    if needs_sample(settings.volume):
        _say(f"Writing a sample volume to {settings.volume}")
        write_sample(settings.volume)


def _port(host: str, wanted: int | None) -> int:
    """Give the wanted port, or the first free one from the usual one on."""
    candidates = [wanted] if wanted is not None else range(PORT, PORT + 20)
    for port in candidates:
        if 0 < port < 65536 and server.is_free(host, port):
            return port
    tried = str(wanted) if wanted is not None else f"{PORT} to {PORT + 19}"
    raise UsageError(
        f"port {tried} of {host} cannot be listened on.", next="Name a free one with --port."
    )


def _serve(settings: Settings, host: str, port: int) -> int:
    waker = _Waker(settings)
    waker.look()
    dashboard = _start_dashboard(settings, host, port)
    mlflow = None
    try:
        url = f"http://{reached_at(host)}:{port}"
        _wait_for_dashboard(dashboard, f"{url}/_stcore/health", _log(settings))
        _say(f"Slipway is at {url}   (Ctrl-C ends it; runs go on)")
        if not settings.tracking_uri:
            mlflow = server.start(settings, host)
            _say(f"MLflow comes up at {mlflow.record.url}")
        return _watch(dashboard, mlflow, waker, _log(settings))
    finally:
        # A second Ctrl-C while both are ending would leave a half of them.
        for number in (*_SIGNALS, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        stop_guarded(dashboard)
        if mlflow:
            mlflow.stop()
        _say("Stopped. Runs in progress go on; ./run.sh shows them again.")


def _start_dashboard(settings: Settings, host: str, port: int) -> subprocess.Popen[bytes]:
    chosen = {
        "volume": str(settings.volume),
        "state": str(settings.state),
        "allowed_hosts": ",".join(settings.allowed_hosts),
    }
    if settings.tracking_uri:
        chosen["tracking_uri"] = settings.tracking_uri
    environment = {**os.environ, **{ENVIRONMENT[name]: value for name, value in chosen.items()}}
    command = [
        *(sys.executable, "-m", "dashboard"),
        *("--server.address", host, "--server.port", str(port), "--server.headless", "true"),
    ]
    return start_guarded(command, log=_log(settings), environment=environment, folder=ROOT)


def _wait_for_dashboard(dashboard: subprocess.Popen[bytes], health: str, log: Path) -> None:
    deadline = time.monotonic() + DASHBOARD_LIMIT_S
    while not server.answers(health):
        if dashboard.poll() is not None or time.monotonic() > deadline:
            raise SlipwayError(
                f"the dashboard did not come up:\n{_tail(log)}",
                where=str(log),
                next="Read the log.",
            )
        time.sleep(0.05)


def _watch(
    dashboard: subprocess.Popen[bytes],
    mlflow: server.EmbeddedServer | None,
    waker: _Waker,
    log: Path,
) -> int:
    """Wait for the end; a dashboard that ends by itself is a failure, an MLflow that does is not.

    Without its server tracking goes on in the same SQLite file, so nothing is lost.
    """
    while dashboard.poll() is None:
        waker.look()
        if mlflow and mlflow.exit_code is not None:
            _say(f"MLflow ended with code {mlflow.exit_code}; see {mlflow.log}")
            mlflow = None
        time.sleep(0.2)
    raise SlipwayError(f"the dashboard ended:\n{_tail(log)}", where=str(log), next="Read the log.")


class _Waker:
    """Wakes engines of this machine, at longer and longer intervals when that is of no use."""

    def __init__(self, settings: Settings) -> None:
        self._here = Installation(settings)
        self._wait_s = WAKE_S
        self._due_at = time.monotonic()

    def look(self) -> None:
        """Wake an engine where it is time to look and it has work that nobody does."""
        if time.monotonic() < self._due_at:
            return
        is_dead = False
        for engine in self._here.engines.values():
            with suppress(EngineUnreachable, OSError):  # the pages say so
                is_dead |= engine.wake()
        self._wait_s = min(2 * self._wait_s, MOST_WAKE_S) if is_dead else WAKE_S
        self._due_at = time.monotonic() + self._wait_s


def _log(settings: Settings) -> Path:
    return settings.state / "logs" / "dashboard.log"


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])


def _ask_to_stop(number: int, frame: FrameType | None) -> None:
    raise _Stop


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
