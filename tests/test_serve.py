from __future__ import annotations

import os
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from pipeline.core.settings import Settings
from pipeline.engines.local.engine import LocalEngine
from pipeline.tracking.server import answers, free_port
from tests.engines.documents import log, step, wait, workflow
from tests.engines.local.faults import controller_pid, keeper_pid, recorded
from tests.fault_table import record
from tests.processes import end_processes_of, kill_processes_of, processes_of
from tests.serving import address, served
from tests.waiting import until

LIMIT_S = 120


def wait_until_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_it_opens_both_and_ctrl_c_ends_both(tmp_path: Path, state: Path) -> None:
    volume = tmp_path / "new"
    with served(state, "--volume", str(volume), "--port", str(free_port("127.0.0.1"))) as process:
        page = address(process, "Slipway is at")
        assert answers(f"{page}/_stcore/health")
        mlflow = address(process, "MLflow comes up at")
        until(lambda: answers(f"{mlflow}/health"))
        assert (volume / "data-custom.yaml").is_file()
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        wait_until_gone(children)
        assert not answers(f"{page}/_stcore/health")
        assert not answers(f"{mlflow}/health")


def test_killed_it_leaves_nothing_behind(volume: Path, state: Path) -> None:
    own = ("--mlflow", "http://127.0.0.1:9")
    port = str(free_port("127.0.0.1"))
    with served(state, "--volume", str(volume), "--port", port, *own) as process:
        page = address(process, "Slipway is at")
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        wait_until_gone(children)
        assert not answers(f"{page}/_stcore/health")
    assert not (state / "mlflow.json").exists(), "one's own MLflow server is enough"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("killed", ["dashboard", "pipeline.tracking.mlflow_server"])
def test_a_server_that_is_killed_ends_in_silence_and_is_told_of(
    volume: Path, state: Path, number: signal.Signals, killed: str
) -> None:
    port = str(free_port("127.0.0.1"))
    with served(state, "--volume", str(volume), "--port", port) as process:
        address(process, "Slipway is at")
        mlflow = address(process, "MLflow comes up at")
        until(lambda: answers(f"{mlflow}/health"))
        children = psutil.Process(process.pid).children(recursive=True)
        next(it for it in children if killed in it.cmdline()[:4]).send_signal(number)
        if killed != "dashboard":
            assert process.stderr is not None
            assert process.stderr.readline().startswith("MLflow ended with code")
            process.terminate()
        _, said = process.communicate(timeout=LIMIT_S)
        assert process.returncode == (1 if killed == "dashboard" else 0)
        wait_until_gone(children)
    logs = [log.read_text() for log in (state / "logs").glob("*.log")]
    assert not [text for text in (said, *logs) if "Fatal" in text or "Traceback" in text]
    what = "the dashboard" if killed == "dashboard" else "MLflow"
    record(
        f"{number.name} of {what} that `./run.sh` started",
        "at any time",
        "it ends without a traceback",
        "`./run.sh` ends with it" if killed == "dashboard" else "`./run.sh` says so and goes on",
    )


def test_it_wakes_an_engine_that_was_killed_with_everything_else(volume: Path, state: Path) -> None:
    settings = Settings(volume=volume, state=state, gpu_slots=0)
    engine = LocalEngine(settings)
    run_id = engine.submit(workflow(step("train", "echo begun; sleep 600")), "l-1")
    wait(engine, run_id, lambda _: "begun" in log(engine, run_id, "train"))
    kill_processes_of(state)
    own = ("--mlflow", "http://127.0.0.1:9", "--port", str(free_port("127.0.0.1")))
    with served(state, "--volume", str(volume), *own) as process:
        address(process, "Slipway is at")
        until(lambda: recorded(settings, run_id)["train"] == "failed")
        engine.retry(run_id)
        until(lambda: recorded(settings, run_id)["train"] == "running")
        controller = controller_pid(settings)
        for pid in (keeper_pid(settings), controller):  # while nobody looks
            os.kill(pid, signal.SIGKILL)
        until(lambda: controller_pid(settings) != controller)
        assert recorded(settings, run_id)["train"] == "running", "the step outlives both"
    end_processes_of(state)
    wait_until_gone(processes_of(state))


def test_a_taken_port_is_named(volume: Path, state: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port} of 127.0.0.1" in refused(
            state, "--volume", str(volume), "--port", port
        )


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_more_than_this_machine_is_told_that_there_is_no_login(
    volume: Path, state: Path, host: str
) -> None:
    port = str(free_port("127.0.0.1"))
    own = ("--mlflow", "http://127.0.0.1:9", "--host", host, "--port", port)
    allowed = ("--allowed-hosts", "slipway.example")
    with served(state, "--volume", str(volume), *own, *allowed) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert ("There is no login: whoever reaches" in first) == (host != "127.0.0.1")
        if host != "127.0.0.1":
            address(process, "Slipway is at")
        page = f"http://127.0.0.1:{port}/"
        assert answers(page)
        for name, status in (("slipway.example", 200), ("evil.example", 403)):
            asked = urllib.request.Request(page, headers={"Host": name})
            assert status_of(asked) == status


def status_of(asked: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code


def test_a_host_with_a_wildcard_is_named(volume: Path, state: Path) -> None:
    said = refused(state, "--volume", str(volume), "--allowed-hosts", "*.example")
    assert "'*.example': not a host" in said


def test_a_volume_that_cannot_be_made_is_named(tmp_path: Path, state: Path) -> None:
    (tmp_path / "file").write_text("")
    said = refused(state, "--called-from", str(tmp_path), "--volume", "file/volume")
    assert f"{tmp_path}/file/volume cannot be made" in said


def refused(state: Path, *options: str) -> str:
    with served(state, *options) as process:
        _, said = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 2
    return said
