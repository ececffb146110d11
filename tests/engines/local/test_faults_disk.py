"""Disks that are full or read-only: what cannot be written waits, and the run says so."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.errors import EngineUnreachable
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine
from pipeline.engines.local.engine import LocalEngine
from pipeline.engines.local.steps.processes import is_locked
from tests.engines.conftest import local_engine_of
from tests.engines.documents import finish, wait
from tests.engines.local.faults import (
    begun,
    check,
    controller_pid,
    gated,
    is_alive,
    open_gate,
    recorded,
    seconds_until,
    seen,
    settle,
    start,
    step_pid,
    three_steps,
    working,
)
from tests.fault_table import record
from tests.waiting import until

DISK_BYTES = 8 << 20


def mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")


def unmount(path: Path) -> None:
    subprocess.run(["umount", "--lazy", path], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    path = tmp_path / "disk"
    path.mkdir()
    mount("-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(path))
    yield path
    unmount(path)


@pytest.fixture
def small(settings: Settings, disk: Path) -> Iterator[tuple[LocalEngine, Settings]]:
    """An engine whose state is on the small disk."""
    own = replace(settings, state=disk / "state")
    with local_engine_of(own) as engine:
        yield engine, own


def fill(folder: Path) -> Path:
    """Fill a disk to its last byte."""
    ballast = folder / "ballast"
    with open(ballast, "wb") as file:
        try:
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        except OSError:
            pass
    return ballast


def make_read_only(folder: Path) -> None:
    """Let whoever opens something there from now on find it read-only."""
    mount("--bind", str(folder), str(folder))
    words = ("remount,ro,bind", str(folder))
    until(lambda: not subprocess.run(["mount", "-o", *words], capture_output=True).returncode)


FULL = "the disk of <state> is full, so nothing is recorded and no step starts"


def test_state_disk_that_is_full_until_the_step_is_over(
    small: tuple[LocalEngine, Settings],
) -> None:
    engine, settings = small
    run_id = start(engine, settings)
    pid = step_pid(settings)
    ballast = fill(settings.state)
    full = engine.get(run_id)
    assert seen(full).startswith(f"running: {FULL}")
    open_gate(settings)
    until(lambda: not is_alive(pid))
    assert engine.get(run_id).state is State.RUNNING
    ballast.unlink()
    true_after_s = seconds_until(lambda: recorded(settings, run_id)["train"] == "succeeded")
    run = finish(engine, run_id)
    assert (run.state, run.message) == (State.SUCCEEDED, "")
    check(engine, settings, run_id)
    record(
        "disk of the state folder full",
        "while a step runs and ends",
        seen(full),
        "goes on by itself when there is room",
        true_after_s,
    )


def test_state_disk_that_is_full_at_a_launch(small: tuple[LocalEngine, Settings]) -> None:
    engine, settings = small
    first = start(engine, settings)
    ballast = fill(settings.state)
    with pytest.raises(EngineUnreachable, match="disk is full") as caught:
        engine.submit(three_steps(), "l-2")
    ballast.unlink()
    assert [run.id for run in engine.list_runs().runs] == [first]
    open_gate(settings)
    assert finish(engine, first).state is State.SUCCEEDED
    record(
        "disk of the state folder full",
        "at a launch",
        str(caught.value).replace(str(settings.state), "<state>"),
        "nothing was started; the same launch again is safe",
    )


def test_state_disk_that_a_step_fills_with_its_log(small: tuple[LocalEngine, Settings]) -> None:
    engine, settings = small
    script = f"test -e /data/go || head -c {2 * DISK_BYTES} /dev/zero"
    run_id = engine.submit(three_steps(working("train", script)), "l-1")
    run = wait(engine, run_id, lambda run: "is full" in run.message)
    # No other way than to make room: here, the log itself.
    log = next(settings.state.glob("engine/runs/*/train/output.log"))
    log.write_bytes(b"head: write error: No space left on device\n")
    true_after_s = seconds_until(lambda: recorded(settings, run_id)["train"] == "failed")
    assert finish(engine, run_id).state is State.FAILED
    open_gate(settings)
    engine.retry(run_id)
    assert finish(engine, run_id).state is State.SUCCEEDED
    check(engine, settings, run_id)
    record(
        "disk of the state folder full",
        "by what a step prints",
        seen(run),
        "the step fails when there is room to say so; a retry goes on: done",
        true_after_s,
    )


def test_volume_that_is_full_while_a_step_writes(settings: Settings, disk: Path) -> None:
    own = replace(settings, volume=disk)
    script = f"test -e /data/go || dd if=/dev/zero of=/data/out bs=1M count={DISK_BYTES >> 19}"
    with local_engine_of(own) as engine:
        run_id = engine.submit(three_steps(working("train", f"{script} status=none")), "l-1")
        run = finish(engine, run_id)
        assert run.state is State.FAILED
        (disk / "out").unlink()
        settle(engine, own, run_id, "volume full", "while a step writes")


def test_state_folder_that_becomes_read_only(local_engine: Engine, settings: Settings) -> None:
    run_id = start(local_engine, settings)
    pid = step_pid(settings)
    controller = controller_pid(settings)
    make_read_only(settings.state)
    try:
        blocked = local_engine.get(run_id)
        with pytest.raises(EngineUnreachable, match="readonly"):
            local_engine.stop(run_id)
        open_gate(settings)
        until(lambda: not is_alive(pid))
        assert local_engine.get(run_id).state is State.RUNNING
        assert is_alive(controller)
    finally:
        unmount(settings.state)
    true_after_s = seconds_until(lambda: recorded(settings, run_id)["train"] == "succeeded")
    assert finish(local_engine, run_id).state is State.SUCCEEDED
    check(local_engine, settings, run_id)
    record(
        "state folder read-only",
        "while a step runs and ends",
        seen(blocked),
        "goes on by itself when it can be written again",
        true_after_s,
    )


def test_a_lock_on_a_read_only_disk_can_be_looked_at(disk: Path) -> None:
    lock = disk / "lock"
    with open(lock, "w", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        mount("--bind", str(disk), str(disk))
        try:
            mount("-o", "remount,ro,bind", str(disk))
            assert is_locked(lock)
            fcntl.flock(held, fcntl.LOCK_UN)
            assert not is_locked(lock)
        finally:
            unmount(disk)


def test_volume_that_becomes_read_only(local_engine: Engine, settings: Settings) -> None:
    run_id = start(local_engine, settings, gated("train"))
    make_read_only(settings.volume)
    pid = step_pid(settings)
    try:
        local_engine.stop(run_id)
        until(lambda: not is_alive(pid))
        assert finish(local_engine, run_id).state is State.STOPPED
        local_engine.retry(run_id)
        run = finish(local_engine, run_id)
        assert run.state is State.FAILED
        assert "Read-only file system" in run.message
    finally:
        unmount(settings.volume)
    assert begun(settings)["train"] == 1
    settle(local_engine, settings, run_id, "volume read-only", "when a step starts")
