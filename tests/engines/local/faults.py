"""Runs to break, and what must hold whatever broke."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil

from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine, Run
from pipeline.engines.local.control.start import KEEPER
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.steps.processes import MARK
from tests.engines.documents import finish, log, step, workflow
from tests.fault_table import record
from tests.waiting import until

STEPS = ("verify", "train", "test")
OVER = [state.value for state in State if state.is_finished]


def working(name: str, script: str = ":") -> dict[str, Any]:
    """Make a step that notes when it begins and when it is done, and when another is beside it."""
    return step(
        name,
        f"exec 9>/data/{name}.lock; flock -n 9 || echo {name} >>/data/overlap;"
        f" echo $$ >/data/{name}.pid; echo {name} >>/data/begun; {script};"
        f" echo {name} >>/data/done",
    )


def gated(name: str) -> dict[str, Any]:
    """Make a step that waits until `open_gate`."""
    return working(name, "while ! test -e /data/go; do sleep 0.02; done")


def three_steps(middle: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make a workflow of three steps and an exit handler; the one in the middle is to be broken."""
    return workflow(
        working("verify"),
        middle or gated("train"),
        working("test"),
        on_exit="echo {{workflow.status}}",
    )


def start(engine: Engine, settings: Settings, middle: dict[str, Any] | None = None) -> str:
    """Start such a run and wait until its train step is at work."""
    run_id = engine.submit(three_steps(middle), "l-1")
    until(lambda: engine.get(run_id) and begun(settings)["train"] == 1)
    return run_id


def open_gate(settings: Settings) -> None:
    """Let gated steps go on."""
    (settings.volume / "go").touch()


def begun(settings: Settings) -> Counter[str]:
    """Count how often each step began."""
    path = settings.volume / "begun"
    return Counter(path.read_text().split()) if path.exists() else Counter()


def settle(
    engine: Engine,
    settings: Settings,
    run_id: str,
    fault: str,
    when: str,
    *,
    is_timed: bool = False,
    true_after_s: float | None = None,
) -> Run:
    """Wait for the end, retry what did not succeed, check what must hold, and note the outcome.

    Nobody looks at the run meanwhile. Where the fault has just come and the run's end is what has
    to be told of it (`is_timed`), the time until then is noted; else `true_after_s`.
    """
    ended_after_s = seconds_until(lambda: recorded(settings, run_id)[""] in OVER)
    run = engine.get(run_id)
    shown, then = seen(run), "goes on by itself"
    if run.state is not State.SUCCEEDED:
        open_gate(settings)
        engine.retry(run_id)
        again = finish(engine, run_id)
        then = f"a retry goes on: {again.state.label}"
        assert again.state is State.SUCCEEDED, again
    check(engine, settings, run_id)
    record(fault, when, shown, then, ended_after_s if is_timed else true_after_s)
    return run


def check(engine: Engine, settings: Settings, run_id: str) -> None:
    """Check what holds for a run of `three_steps` that came to its end in whatever way."""
    assert (settings.volume / "done").read_text().split() == list(STEPS)
    assert not (settings.volume / "overlap").exists()
    assert log(engine, run_id, "notify").splitlines()[-1] == "Succeeded"
    check_tidy(settings)


def seconds_until(is_so: Callable[[], Any], since: float | None = None) -> float:
    """Wait for something; give how long that took, from now or from a moment of the clock on."""
    began = time.monotonic() if since is None else since
    until(is_so)
    return time.monotonic() - began


def check_tidy(settings: Settings) -> None:
    """Check that no step's process and no half written file is left."""
    until(lambda: not step_processes(settings), f"left: {step_processes(settings)}")
    base = Layout(settings.state).base
    assert [path.name for path in base.rglob("*") if path.name.endswith(".tmp")] == []
    assert list(base.glob(".runs.db.*")) == []


def seen(run: Run) -> str:
    """Say what a person sees of a run, without what differs between machines."""
    text = re.sub(r"/[^\s']*/(engine|state)\b[^\s',:;.)]*", "<state>", run.message)
    text = re.sub(r"/[^\s']*/volume\b[^\s',:;.)]*", "<volume>", text)
    text = re.sub(r"failed: (?:dd|sh): .*: (?=No space|Read-only)", "failed: … ", text)
    return f"{run.state.label}: {text}" if text else run.state.label


def step_processes(settings: Settings) -> list[psutil.Process]:
    """List the living processes of all attempts, supervisors among them."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            is_ours = process.environ().get(MARK, "").startswith(str(settings.state))
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def controller_pid(settings: Settings) -> int:
    """Give the pid of the controller, when it has come to say it."""
    lock = Layout(settings.state).controller_lock
    until(lambda: lock.exists() and lock.read_text(), "no controller")
    return int(lock.read_text())


def keeper_pid(settings: Settings) -> int:
    """Give the pid of the process that starts the next controller."""
    parent = psutil.Process(controller_pid(settings)).parent()
    assert parent
    assert str(KEEPER) in parent.cmdline()
    return parent.pid


def recorded(settings: Settings, run_id: str) -> dict[str, str]:
    """Read the states of a run, under "", and of its steps, beside the engine: nothing is woken."""
    address = f"file:{Layout(settings.state).database}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=20)) as db:
        run = db.execute("SELECT '', state FROM runs WHERE id = ?", (run_id,))
        steps = db.execute(
            "SELECT name, state FROM steps WHERE run = ? AND name != 'volume-mount' ORDER BY place",
            (run_id,),
        )
        return dict([*run.fetchall(), *steps.fetchall()])


def supervisor_pid(settings: Settings, run_id: str, name: str = "train") -> int:
    """Give the pid of a step's supervisor."""
    attempt = Layout(settings.state).attempt(run_id, name, 1)
    found = re.search(r'"pid": (\d+)', (attempt / "supervisor.json").read_text())
    assert found
    return int(found[1])


def step_pid(settings: Settings, name: str = "train") -> int:
    """Give the pid of a step's own process."""
    return int((settings.volume / f"{name}.pid").read_text())


def send(pid: int, number: signal.Signals, *, is_deadly: bool = True) -> None:
    """Send a signal, and wait until its receiver is gone."""
    os.kill(pid, number)
    if is_deadly:
        until(lambda: not is_alive(pid), f"{pid} lives")


def is_alive(pid: int) -> bool:
    """Say whether a process is more than a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def repository() -> Path:
    """Give the root of the repository."""
    return Path(__file__).resolve().parents[3]
