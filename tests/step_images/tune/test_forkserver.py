"""The server that forks trials, with real processes and its client in this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from step_images.tune.forkserver import ForkServer, Tell
from step_images.tune.trial import YOLO_IMPORTS
from tests.step_images.yolo_runs import ROOT

KEPT: list[int] = []


def count(upto: int, tell: Tell) -> None:
    for number in range(upto):
        KEPT.append(number)
        tell((os.getpid(), len(KEPT)))


def change_what_others_see(tell: Tell) -> None:
    os.chdir("/")
    os.environ["LEFT_BEHIND"] = "1"
    tell(None)


def look_around(tell: Tell) -> None:
    tell((os.getcwd(), os.environ.get("LEFT_BEHIND"), "json.tool" in sys.modules))


def fail(tell: Tell) -> None:
    raise ValueError("lr0 is no number")


def be_killed(tell: Tell) -> None:
    tell(os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)


def leave_a_file_when_ended(path: Path, tell: Tell) -> None:
    try:
        tell(os.getpid())
    finally:
        path.write_text("cleaned up")


def sleep_on(tell: Tell) -> None:
    tell(os.getpid())
    time.sleep(60)


def kill_server_and_sleep(tell: Tell) -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    tell(os.getpid())
    time.sleep(60)


def look_at_torch(tell: Tell) -> None:
    import torch

    parent = psutil.Process(os.getppid())
    tell(
        (
            parent.pid,
            parent.num_threads(),
            torch.cuda._is_in_bad_fork(),
            torch.cuda.is_initialized(),
        )
    )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ForkServer]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with ForkServer(["json.tool"]) as server:
        yield server


def test_each_piece_of_work_has_a_process_of_its_own(server: ForkServer) -> None:
    first = list(server.run(partial(count, 3)))
    second = list(server.run(partial(count, 2)))
    assert [seen for _, seen in first] == [1, 2, 3]
    assert [seen for _, seen in second] == [1, 2]  # nothing of the first is left
    pids = {pid for pid, _ in [*first, *second]}
    assert len(pids) == 2 and os.getpid() not in pids
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_what_work_changes_is_gone_and_imports_are_there(server: ForkServer) -> None:
    assert list(server.run(change_what_others_see)) == [None]
    assert list(server.run(look_around)) == [(os.getcwd(), None, True)]


def test_the_output_says_why_work_failed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    said = pytest.raises(RuntimeError, match=r"exit code 1; the log has its last words\.")
    with ForkServer([]) as server, said:
        list(server.run(fail))
    assert "ValueError: lr0 is no number" in capfd.readouterr().err


def test_work_that_dies_does_not_touch_the_next(server: ForkServer) -> None:
    killed = server.run(be_killed)
    next(killed)
    with pytest.raises(RuntimeError, match="ended by SIGKILL, as the kernel does when no memory"):
        next(killed)
    assert len(list(server.run(partial(count, 2)))) == 2


def test_work_is_ended_and_cleans_up_when_nobody_listens(
    server: ForkServer, tmp_path: Path
) -> None:
    told = server.run(partial(leave_a_file_when_ended, tmp_path / "end"))
    pid = next(told)
    told.close()
    assert (tmp_path / "end").is_file() and not psutil.pid_exists(pid)
    assert len(list(server.run(partial(count, 1)))) == 1


def test_a_server_that_died_is_said_and_not_waited_for(server: ForkServer) -> None:
    told = server.run(kill_server_and_sleep)
    next(told)
    with pytest.raises(RuntimeError, match="forked from died"):
        next(told)


def test_a_server_that_died_is_started_again(server: ForkServer) -> None:
    with pytest.raises(RuntimeError, match="forked from died"):
        list(server.run(kill_server_and_sleep))
    assert len(list(server.run(partial(count, 2)))) == 2


def test_a_server_that_cannot_be_forked_works_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    (tmp_path / "starts_a_thread.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(tmp_path)]))
    with ForkServer(["starts_a_thread"]) as server:
        first = list(server.run(partial(count, 3)))
        with pytest.raises(RuntimeError):
            list(server.run(fail))
        told = server.run(partial(leave_a_file_when_ended, tmp_path / "end"))
        pid = next(told)
        told.close()
        assert (tmp_path / "end").is_file()
        second = list(server.run(partial(count, 2)))
    assert [seen for _, seen in [*first, *second]] == [1, 2, 3, 1, 2]
    assert len({pid, *(own for own, _ in [*first, *second])}) == 3


def test_work_ends_with_the_process_that_asked_for_it(capfd: pytest.CaptureFixture[str]) -> None:
    program = (
        "import time; from step_images.tune.forkserver import ForkServer;"
        "from tests.step_images.tune.test_forkserver import sleep_on;"
        "print(next(iter_ := ForkServer([]).run(sleep_on)), flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    client = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment, cwd=ROOT
    )
    with client:
        assert client.stdout is not None
        pid = int(client.stdout.readline())
        family = [psutil.Process(pid), psutil.Process(pid).parent()]
        client.kill()
    _, alive = psutil.wait_procs([process for process in family if process], timeout=30)
    assert not alive
    assert not capfd.readouterr().err


@pytest.mark.slow
def test_what_trainings_import_leaves_a_process_that_can_be_forked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # what Ray says where a trial has two CPUs
    with ForkServer(YOLO_IMPORTS) as server:
        [(parent, threads, is_in_bad_fork, uses_cuda)] = server.run(look_at_torch)
    assert parent != os.getpid()  # it was forked
    assert (threads, is_in_bad_fork, uses_cuda) == (1, False, False)
    assert "leaked" not in capfd.readouterr().err  # at the end of either process
