"""A newer Slipway opens the state while a controller of older code is at work on it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.core.errors import EngineUnreachable
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine
from pipeline.engines.local.control import succession
from pipeline.engines.local.control.start import CONTROLLER, KEEPER, take_lock
from pipeline.engines.local.engine import LocalEngine
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.schema import VERSION
from pipeline.engines.local.queue.store import Store
from tests.engines.documents import finish, step, workflow
from tests.engines.local.faults import (
    begun,
    controller_pid,
    is_alive,
    keeper_pid,
    open_gate,
    send,
    settle,
    start,
)
from tests.waiting import until

# Serves as an older controller does: with the lock, and refusing whatever version is newer.
OLDER = """
import contextlib, os, sqlite3, sys, time
path, lock = os.environ["SLIPWAY_STATE"] + "/engine/runs.db", int(sys.argv[-1])
os.ftruncate(lock, 0)
os.pwrite(lock, str(os.getpid()).encode(), 0)
while True:
    with contextlib.suppress(sqlite3.OperationalError), open("seen", "a") as seen:  # it is busy
        print(*sqlite3.connect(path).execute("PRAGMA user_version").fetchone(), file=seen)
    time.sleep(0.02)
"""


class Older:
    """A controller of older code, from a folder of its own, and its keeper."""

    def __init__(self, settings: Settings, code: Path, script: str) -> None:
        module = code.joinpath(*CONTROLLER.split(".")).with_suffix(".py")
        module.parent.mkdir(parents=True)
        module.write_text(script)
        self.code = code
        lock = _take_lock(settings)
        os.ftruncate(lock, 0)
        os.set_inheritable(lock, True)
        command = [sys.executable, "-m", CONTROLLER, "--lock-fd", str(lock)]
        self.keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(KEEPER), str(lock), *command],
            cwd=code,
            env={**os.environ, "SLIPWAY_STATE": str(settings.state)},
            pass_fds=[lock],
        )
        os.close(lock)
        self.pid = controller_pid(settings)

    def versions(self) -> set[str]:
        """Give what it found the state to be."""
        return set((self.code / "seen").read_text().split())


def downgrade(settings: Settings) -> None:
    """Make the state what the last version without secrets by name wrote."""
    with closing(sqlite3.connect(Layout(settings.state).database)) as db:
        db.execute("ALTER TABLE runs DROP COLUMN secrets")
        db.execute("PRAGMA user_version = 2")


def _take_lock(settings: Settings) -> int:
    """Take the lock once nothing holds it: what a killed controller was starting has it a while."""
    return until(lambda: take_lock(Layout(settings.state)), "the lock is held")


def version_of(settings: Settings) -> int:
    """Give the version of the state."""
    with closing(sqlite3.connect(Layout(settings.state).database)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


@pytest.fixture
def older(local_engine: Engine, settings: Settings, tmp_path: Path) -> Iterator[Older]:
    """An older controller at work on a run of three steps whose second one runs."""
    start(local_engine, settings)
    until(lambda: controller_pid(settings))
    for pid in (keeper_pid(settings), controller_pid(settings)):
        send(pid, signal.SIGKILL)
    downgrade(settings)
    found = Older(settings, tmp_path / "older", OLDER)
    until(lambda: (found.code / "seen").exists() and found.versions())
    yield found
    found.keeper.kill()
    found.keeper.wait()
    if is_alive(found.pid):
        send(found.pid, signal.SIGKILL)


def test_a_controller_of_older_code_makes_room_and_its_run_goes_on(
    local_engine: Engine, settings: Settings, older: Older
) -> None:
    (run,) = local_engine.list_runs().runs
    assert run.state is State.RUNNING
    assert not is_alive(older.pid)
    assert older.keeper.wait(10) == -signal.SIGTERM
    assert older.versions() == {"2"}
    assert controller_pid(settings) not in (older.pid, older.keeper.pid)
    assert begun(settings)["train"] == 1
    open_gate(settings)
    fault, when = "a controller of older code", "during a step, at the newer one's first look"
    run = settle(local_engine, settings, run.id, fault, when)
    assert run.state is State.SUCCEEDED
    assert begun(settings) == {"verify": 1, "train": 1, "test": 1}
    assert older.versions() == {"2"}


def test_a_launch_over_a_controller_of_older_code_runs(
    local_engine: Engine,
    settings: Settings,
    older: Older,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "a-token")
    open_gate(settings)
    run_id = local_engine.submit(workflow(step("verify", "test -n $MLFLOW_TRACKING_TOKEN")), "l-2")
    assert finish(local_engine, run_id).state is State.SUCCEEDED
    assert finish(local_engine, "l-1").state is State.SUCCEEDED
    assert older.versions() == {"2"}


def test_many_looks_at_once_over_a_controller_of_older_code(
    settings: Settings, older: Older
) -> None:
    with ThreadPoolExecutor(8) as threads:
        engines = [LocalEngine(settings) for _ in range(8)]
        pages = list(threads.map(lambda engine: engine.list_runs(), engines))
    assert [len(page.runs) for page in pages] == [1] * 8
    open_gate(settings)
    assert finish(engines[0], "l-1").state is State.SUCCEEDED
    assert begun(settings)["train"] == 1
    assert older.versions() == {"2"}


def test_a_controller_that_does_not_end_is_named_and_the_state_stays(
    local_engine: Engine, settings: Settings, older: Older, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(succession, "_LIMIT_S", 0.5)
    os.kill(older.pid, signal.SIGSTOP)  # as one on a disk that does not answer
    try:
        with pytest.raises(EngineUnreachable, match=f"older Slipway.*process {older.pid}"):
            local_engine.list_runs()
        assert version_of(settings) == 2
    finally:
        os.kill(older.pid, signal.SIGCONT)
    until(lambda: not is_alive(older.pid))
    open_gate(settings)
    assert finish(local_engine, "l-1").state is State.SUCCEEDED


def test_whoever_else_holds_the_lock_is_not_ended(
    older: Older, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    older.keeper.kill()
    send(older.pid, signal.SIGKILL)
    older.keeper.wait()
    monkeypatch.setattr(succession, "_LIMIT_S", 0.3)
    store = Store(Layout(settings.state).database)
    lock = _take_lock(settings)  # by this test, which is no controller
    try:
        with pytest.raises(EngineUnreachable, match="another user or machine"):
            store.page(1, None)
    finally:
        os.close(lock)
    assert len(store.page(10, None)) == 1


def test_a_controller_that_is_new_itself_takes_the_state_over(
    local_engine: Engine, settings: Settings
) -> None:
    start(local_engine, settings)
    first = controller_pid(settings)
    os.kill(first, signal.SIGSTOP)  # the code was replaced where it lies, and the keeper goes on
    downgrade(settings)
    os.kill(first, signal.SIGKILL)
    until(lambda: version_of(settings) == VERSION)
    second = controller_pid(settings)
    open_gate(settings)
    assert finish(local_engine, "l-1").state is State.SUCCEEDED
    assert begun(settings)["train"] == 1
    assert controller_pid(settings) == second != first
