"""Signals to every process of a run, at several moments: nothing is lost, nothing runs twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine
from pipeline.engines.local.engine import LocalEngine
from pipeline.engines.local.layout import Layout
from tests.engines.documents import finish, workflow
from tests.engines.local.faults import (
    check_tidy,
    controller_pid,
    gated,
    keeper_pid,
    open_gate,
    recorded,
    repository,
    seconds_until,
    send,
    settle,
    start,
    step_pid,
    step_processes,
    supervisor_pid,
    three_steps,
    working,
)
from tests.fault_table import record
from tests.processes import kill_processes_of, processes_of
from tests.waiting import until

SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
NAMES = {signal.SIGKILL: "kill -9", signal.SIGTERM: "SIGTERM", signal.SIGINT: "SIGINT"}

# Found by every Python that starts with this folder on its path, and meant for controllers alone.
DIE = """
import os, signal, sys
if "pipeline.engines.local.control.controller" in sys.orig_argv:
    sys.path.insert(0, {repository!r})
    from pipeline.engines.local.queue.store import Store
    with open({counter!r}, "ab") as file:
        file.write(b".")
        left = file.tell() % 3
    def dying(method):
        def call(*words, **more):
            global left
            if {is_before} and left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = method(*words, **more)
            if not {is_before} and left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return answer
        return call
    for name in ("update_run", "update_step"):
        setattr(Store, name, dying(getattr(Store, name)))
"""


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_controllers_that_die_at_every_record(
    local_engine: Engine,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_before: bool,
) -> None:
    (tmp_path / "site").mkdir()
    counter = tmp_path / "controllers"
    words = {"repository": str(repository()), "counter": str(counter), "is_before": is_before}
    (tmp_path / "site" / "sitecustomize.py").write_text(DIE.format(**words))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    run_id = local_engine.submit(three_steps(working("train")), "l-1")
    when = f"{'before' if is_before else 'after'} everything that it records, again and again"
    finish(local_engine, run_id)  # more deaths than its keeper is patient; looks go on from there
    run = settle(local_engine, settings, run_id, "kill -9 of the controller", when)
    assert run.state is State.SUCCEEDED
    assert counter.stat().st_size > 4


@pytest.mark.parametrize("number", SIGNALS, ids=NAMES.get)
def test_controller_that_is_ended(
    local_engine: Engine, settings: Settings, number: signal.Signals
) -> None:
    run_id = start(local_engine, settings)
    first = controller_pid(settings)
    send(first, number)
    true_after_s = seconds_until(lambda: controller_pid(settings) != first)
    assert recorded(settings, run_id)["train"] == "running"
    open_gate(settings)
    fault = f"{NAMES[number]} of the controller"
    run = settle(local_engine, settings, run_id, fault, "during a step", true_after_s=true_after_s)
    assert run.message == ""


def test_controller_that_is_killed_until_the_step_is_over(
    local_engine: Engine, settings: Settings
) -> None:
    run_id = start(local_engine, settings)
    send(controller_pid(settings), signal.SIGKILL)
    open_gate(settings)
    true_after_s = seconds_until(lambda: recorded(settings, run_id)["train"] == "succeeded")
    fault, when = "kill -9 of the controller", "during a step that ends before there is another"
    run = settle(local_engine, settings, run_id, fault, when, true_after_s=true_after_s)
    assert run.state is State.SUCCEEDED


def test_keeper_that_is_killed(local_engine: Engine, settings: Settings) -> None:
    run_id = start(local_engine, settings)
    send(keeper_pid(settings), signal.SIGKILL)
    open_gate(settings)
    run = settle(
        local_engine, settings, run_id, "kill -9 of the controller's keeper", "during a step"
    )
    assert run.state is State.SUCCEEDED


def test_keeper_that_is_killed_with_the_controller(
    local_engine: Engine, settings: Settings
) -> None:
    run_id = start(local_engine, settings)
    first = controller_pid(settings)
    for pid in (keeper_pid(settings), first):
        send(pid, signal.SIGKILL)

    def look() -> bool:
        # The first look can come before the last thread of the killed has let go of the lock.
        assert local_engine.get(run_id).state is State.RUNNING
        return controller_pid(settings) != first

    true_after_s = seconds_until(look)
    open_gate(settings)
    run = settle(
        local_engine,
        settings,
        run_id,
        "kill -9 of controller and keeper",
        "during a step, until the next look",
        true_after_s=true_after_s,
    )
    assert run.state is State.SUCCEEDED


def test_controller_that_is_killed_before_a_stop(local_engine: Engine, settings: Settings) -> None:
    run_id = start(local_engine, settings)
    send(controller_pid(settings), signal.SIGKILL)
    local_engine.stop(run_id)
    run = settle(
        local_engine,
        settings,
        run_id,
        "kill -9 of the controller",
        "just before a stop",
        is_timed=True,
    )
    assert run.state is State.STOPPED


@pytest.mark.parametrize("number", SIGNALS, ids=NAMES.get)
def test_supervisor_that_is_ended(
    local_engine: Engine, settings: Settings, number: signal.Signals
) -> None:
    run_id = start(local_engine, settings)
    send(supervisor_pid(settings, run_id), number, is_deadly=number is signal.SIGKILL)
    if number is signal.SIGINT:
        open_gate(settings)
    fault = f"{NAMES[number]} of a step's supervisor"
    is_timed = number is not signal.SIGINT
    run = settle(local_engine, settings, run_id, fault, "during the step", is_timed=is_timed)
    # A Ctrl-C is for the terminal's own program; the step goes on.
    assert run.state is (State.SUCCEEDED if number is signal.SIGINT else State.FAILED)


def test_supervisor_that_is_killed_with_the_controller(
    local_engine: Engine, settings: Settings
) -> None:
    run_id = start(local_engine, settings)
    for pid in (controller_pid(settings), supervisor_pid(settings, run_id)):
        send(pid, signal.SIGKILL)
    fault = "kill -9 of controller and supervisor"
    run = settle(local_engine, settings, run_id, fault, "during the step", is_timed=True)
    assert run.state is State.FAILED


@pytest.mark.parametrize("number", SIGNALS, ids=NAMES.get)
def test_step_that_is_ended(
    local_engine: Engine, settings: Settings, number: signal.Signals
) -> None:
    run_id = start(local_engine, settings)
    send(step_pid(settings), number)
    fault = f"{NAMES[number]} of a step's main process"
    run = settle(local_engine, settings, run_id, fault, "during the step", is_timed=True)
    assert run.state is State.FAILED


def test_machine_that_is_started_anew(local_engine: Engine, settings: Settings) -> None:
    run_id = start(local_engine, settings)
    following = local_engine.submit(workflow(gated("train")), "l-2")
    supervisor = Layout(settings.state).attempt(run_id, "train", 1) / "supervisor.json"
    kill_processes_of(settings.state)
    until(lambda: not processes_of(settings.state))
    supervisor.write_text(json.dumps({**json.loads(supervisor.read_text()), "boot": "before"}))
    assert isinstance(local_engine, LocalEngine)
    assert local_engine.wake()  # as the dashboard does when it starts
    true_after_s = seconds_until(lambda: recorded(settings, run_id)["train"] == "failed")
    # The one behind it goes on by itself; its train step is not that of the run under test.
    open_gate(settings)
    assert finish(local_engine, following).state is State.SUCCEEDED
    done = settings.volume / "done"
    done.write_text(done.read_text().replace("train\n", "", 1))
    settle(
        local_engine,
        settings,
        run_id,
        "restart of the machine",
        "during a step, from the dashboard's start on",
        true_after_s=true_after_s,
    )


SUBMIT = """
import json, sys, time
from pathlib import Path
from pipeline.core.settings import Settings
from pipeline.engines.registry import make_engine
volume, state, document = sys.argv[1:]
engine = make_engine(Settings(volume=Path(volume), state=Path(state), gpu_slots=0))
print(engine.submit(json.loads(document), "l-1"), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", SIGNALS, ids=NAMES.get)
def test_launcher_that_is_ended(
    local_engine: Engine, settings: Settings, number: signal.Signals
) -> None:
    """Ctrl-C, a closed terminal and a kill reach the whole group of whoever launched."""
    document = json.dumps(three_steps())
    command = [sys.executable, "-c", SUBMIT, str(settings.volume), str(settings.state), document]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=repository(),
        process_group=0,
    ) as launcher:
        assert launcher.stdout
        run_id = launcher.stdout.readline().strip()
        os.killpg(launcher.pid, number)
    open_gate(settings)
    fault = f"{NAMES[number]} of the dashboard, or of whatever launched"
    run = settle(local_engine, settings, run_id, fault, "right after the launch")
    assert run.state is State.SUCCEEDED


def test_many_controllers_started_at_once(local_engine: Engine, settings: Settings) -> None:
    run_id = start(local_engine, settings)
    for pid in (keeper_pid(settings), controller_pid(settings)):
        send(pid, signal.SIGKILL)
    command = [sys.executable, "-m", "pipeline.engines.local.control.controller"]
    own = {
        "SLIPWAY_VOLUME": str(settings.volume),
        "SLIPWAY_STATE": str(settings.state),
        "SLIPWAY_GPU_SLOTS": "0",
    }
    started = [
        subprocess.Popen(
            command, env={**os.environ, **own}, cwd=repository(), stderr=subprocess.DEVNULL
        )
        for _ in range(4)
    ]
    until(lambda: sum(process.poll() == 0 for process in started) == 3)
    open_gate(settings)
    run = settle(
        local_engine, settings, run_id, "four controllers started at once", "during a step"
    )
    assert run.state is State.SUCCEEDED
    for process in started:
        process.terminate()
        process.wait()


def test_processes_that_a_step_leaves(local_engine: Engine, settings: Settings) -> None:
    children = "setsid sleep 600 >/dev/null 2>&1 9>&- & sleep 600 9>&- & :"
    run_id = local_engine.submit(three_steps(working("train", children)), "l-1")
    fault = "children that a step leaves behind"
    assert settle(local_engine, settings, run_id, fault, "when it is over").message == ""


def test_step_that_ignores_a_stop(local_engine: Engine, settings: Settings) -> None:
    deaf = "trap '' TERM; while ! test -e /data/go; do sleep 0.05; done"
    run_id = start(local_engine, settings, working("train", deaf))
    local_engine.stop(run_id)
    run = settle(local_engine, settings, run_id, "a step that ignores SIGTERM", "at a stop")
    assert run.state is State.STOPPED


def test_deletion_that_is_cut_short(
    local_engine: Engine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = start(local_engine, settings)
    for pid in (keeper_pid(settings), controller_pid(settings)):
        send(pid, signal.SIGKILL)
    with monkeypatch.context() as dying:
        (tmp_path / "site").mkdir()
        words = {"repository": str(repository()), "counter": str(tmp_path / "n"), "is_before": 1}
        text = DIE.format(**words).replace("file.tell() % 3", "file.tell() - 1")
        text = text.replace('("update_run", "update_step")', '("forget",)')
        (tmp_path / "site" / "sitecustomize.py").write_text(text)
        dying.setenv("PYTHONPATH", str(tmp_path / "site"))
        local_engine.delete(run_id)
        until(lambda: local_engine.list_runs().runs == ())
        counter = tmp_path / "n"
        until(lambda: counter.is_file() and counter.stat().st_size > 1, "no controller died")
        local_engine.wake()  # as ./run.sh does it, should the keeper have been killed, too
        until(lambda: not step_processes(settings))
    second = local_engine.submit(workflow(working("verify")), "l-2")
    finish(local_engine, second)
    until(lambda: not Layout(settings.state).run(run_id).exists(), "the deleted run's files stay")
    check_tidy(settings)
    record(
        "kill -9 of the controller", "while it deletes a run", "nothing: it is deleted",
        "the next one removes the rest",
    )  # fmt: skip
