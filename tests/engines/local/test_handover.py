"""How secret values get from who launches to the engine, and when it forgets them."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine
from pipeline.engines.local.control.start import take_lock
from pipeline.engines.local.control.vault import Vault, make_memory
from pipeline.engines.local.layout import Layout
from tests.engines.documents import finish, log, step, workflow
from tests.engines.local.faults import controller_pid
from tests.engines.local.marks import GATED, TELLS, digest_of, files_with, marker
from tests.fault_table import record
from tests.waiting import until


def test_a_launch_beside_an_engine_that_takes_no_handover_says_so(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, value = "MLFLOW_TRACKING_TOKEN", marker()
    layout = Layout(settings.state)
    layout.socket.mkdir(parents=True)  # as a disk that takes no socket
    gate = local_engine.submit(workflow(step("train", GATED)), "l-0")
    until(lambda: (settings.volume / "began").exists() and controller_pid(settings))
    monkeypatch.setenv(name, value)
    began = time.monotonic()
    document = workflow(step("verify", f"printenv {name} | sha256sum; test -e /data/go-2"))
    run_id = local_engine.submit(document, "l-1")
    assert time.monotonic() - began < 2
    monkeypatch.delenv(name)
    (settings.volume / "go").touch()
    assert finish(local_engine, run_id).state is State.FAILED
    finish(local_engine, gate)
    shown = log(local_engine, run_id, "verify").splitlines()[0]
    assert f"goes on without {name}" in shown
    until(lambda: take_and_leave_lock(layout))  # it ends when it has nothing left to do
    monkeypatch.setenv(name, value)
    (settings.volume / "go-2").touch()
    local_engine.retry(run_id)
    run = finish(local_engine, run_id)
    assert digest_of(value) in log(local_engine, run_id, "verify")
    assert files_with(settings.state, value) == []
    then = f"a retry that starts the engine with it: {run.state.label}"
    record("a state folder that takes no socket", "at a launch from another shell", shown, then)


def take_and_leave_lock(layout: Layout) -> bool:
    lock = take_lock(layout)
    if lock is None:
        return False
    os.close(lock)
    return True


def test_nobody_waits_long_for_an_engine_that_does_not_answer(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", marker())
    lock = take_lock(Layout(settings.state))
    assert lock is not None
    try:
        began = time.monotonic()
        local_engine.submit(workflow(step("verify", "true")), "l-1")
        assert time.monotonic() - began < 4
    finally:
        os.close(lock)


def test_the_engine_goes_on_listening_whatever_it_is_told(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_engine.submit(workflow(step("train", GATED)), "l-0")
    until(lambda: (settings.volume / "began").exists() and controller_pid(settings))
    deep = b"[" * 200_000
    texts = [b"", b"[]", b"{", b"7", b'{"run": 1}', b'{"run": 1, "values": {"A": 1}}', b"\xff"]
    for text in (*texts, deep, b'{"run": "x", "values": ["a"]}', b'{"run": "x", "values": "ab"}'):
        with socket.socket(socket.AF_UNIX) as client, suppress(BrokenPipeError, ConnectionError):
            client.connect(str(Layout(settings.state).socket))
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(4) == b""
    value = marker()
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", value)
    document = workflow(step("verify", TELLS.format("MLFLOW_TRACKING_TOKEN")))
    run_id = local_engine.submit(document, "l-1")
    (settings.volume / "go").touch()
    finish(local_engine, run_id)
    assert log(local_engine, run_id, "verify").split()[0] == digest_of(value)


def in_memory(settings: Settings, value: str) -> bool:
    """Say whether the controller has a value in the file that it shares with the next one."""
    files = Path(f"/proc/{controller_pid(settings)}/fd").iterdir()
    (memory,) = [file for file in files if "slipway-handover" in os.path.realpath(file)]
    return value.encode() in memory.read_bytes()


def test_the_same_launch_again_hands_nothing_over(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = marker(), marker()
    local_engine.submit(workflow(step("train", GATED)), "l-0")
    until(lambda: (settings.volume / "began").exists() and controller_pid(settings))
    for value in (first, second):
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", value)
        local_engine.submit(workflow(step("verify", "true")), "l-1")
    assert in_memory(settings, first) and not in_memory(settings, second)
    (settings.volume / "go").touch()


def test_values_are_forgotten_when_their_run_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, now = make_memory(), time.monotonic()
    vault = Vault(memory)
    for name in ("over", "waits", "retried"):
        vault.put(name, {"AWS_SECRET_ACCESS_KEY": f"of-{name}"})
    vault.forget_all_but(list)  # a launch hands over before it queues
    assert vault.get("over")
    monkeypatch.setattr(time, "monotonic", lambda: now + 60)
    vault.put("retried", {"AWS_PROFILE": "two"})
    vault.forget_all_but(lambda: ["waits"])
    monkeypatch.undo()
    assert (vault.get("over"), vault.get("waits")) == ({}, {"AWS_SECRET_ACCESS_KEY": "of-waits"})
    assert vault.get("retried") == {"AWS_SECRET_ACCESS_KEY": "of-retried", "AWS_PROFILE": "two"}
    assert b"of-over" not in os.pread(memory, 4096, 0)
    assert Vault(memory).get("waits")
