"""Kill what can be killed: nothing is lost, nothing runs twice, nothing is shown that is not so."""

from __future__ import annotations

import json
import os
import re
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine
from pipeline.engines.local.control.keeper import DEATHS
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.steps.processes import is_locked
from pipeline.engines.registry import make_engine
from tests.engines.documents import (
    finish,
    is_running,
    log,
    messages,
    states,
    step,
    wait,
    workflow,
)
from tests.engines.local.faults import (
    controller_pid,
    is_alive,
    keeper_pid,
    recorded,
)
from tests.waiting import until

WAITING = (
    "echo $$ >/data/pid; echo once >>/data/count; while ! test -e /data/go; do sleep 0.02; done"
)


def kill_controller(settings: Settings) -> int:
    pid = controller_pid(settings)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_alive(pid))
    return pid


@pytest.mark.parametrize("step_ends_before_the_next_controller", [True, False])
def test_killed_controller_loses_nothing(
    local_engine: Engine, settings: Settings, step_ends_before_the_next_controller: bool
) -> None:
    document = workflow(step("train", f"{WAITING}; echo trained"), step("test", "echo tested"))
    run_id = local_engine.submit(document, "l-1")
    wait(local_engine, run_id, lambda _: (settings.volume / "count").exists())
    first = kill_controller(settings)
    if step_ends_before_the_next_controller:
        (settings.volume / "go").touch()
        exit_file = Layout(settings.state).attempt(run_id, "train", 1) / "exit.json"
        until(exit_file.exists)
    # Another process would do just this: make an engine and ask.
    again = make_engine(settings)
    assert again.get(run_id).state is State.RUNNING
    (settings.volume / "go").touch()
    run = finish(again, run_id)
    assert run.state is State.SUCCEEDED, run
    assert (settings.volume / "count").read_text() == "once\n"
    assert log(again, run_id, "train") == "trained\n"
    assert controller_pid(settings) != first


def kept_pid(settings: Settings, but: int) -> int:
    """Wait until another controller serves than that one, without a look through the engine."""
    until(lambda: controller_pid(settings) != but, "no controller comes up by itself")
    return controller_pid(settings)


def test_killed_controller_is_replaced_though_nobody_looks(
    local_engine: Engine, settings: Settings
) -> None:
    document = workflow(step("train", WAITING), step("test", "echo tested"))
    run_id = local_engine.submit(document, "l-1")
    until(lambda: (settings.volume / "count").exists())
    first = kill_controller(settings)
    second = kept_pid(settings, first)
    assert is_alive(second)
    assert recorded(settings, run_id) == {"": "running", "train": "running", "test": "pending"}
    kill_controller(settings)
    (settings.volume / "go").touch()  # the step ends while there is none
    kept_pid(settings, second)
    until(lambda: recorded(settings, run_id)[""] == "succeeded")
    assert (settings.volume / "count").read_text() == "once\n"


def test_controller_that_dies_again_and_again_is_not_started_for_ever(
    local_engine: Engine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = local_engine.submit(workflow(step("train", WAITING)), "l-1")
    until(lambda: (settings.volume / "count").exists())
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "yaml.py").write_text(
        "import sys\n"
        "if 'pipeline.engines.local.control.controller' in sys.orig_argv:\n"
        f"    open({str(tmp_path / 'starts')!r}, 'a').write('.')\n"
        "    raise ImportError('half an installation')\n"
    )
    with monkeypatch.context() as half:
        half.setenv("PYTHONPATH", str(broken))
        for pid in (keeper_pid(settings), controller_pid(settings)):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not is_locked(Layout(settings.state).controller_lock))
        local_engine.get(run_id)  # starts one, whose keeper tries a few times
        assert is_locked(Layout(settings.state).controller_lock)
        local_engine.get(run_id)  # no second one beside it
        until(lambda: not is_locked(Layout(settings.state).controller_lock))
    assert (tmp_path / "starts").read_text() == "." * DEATHS
    assert local_engine.get(run_id).state is State.RUNNING  # the next look, all is well again
    (settings.volume / "go").touch()
    assert finish(local_engine, run_id).state is State.SUCCEEDED


def test_controller_goes_on_without_its_keeper_and_ends_in_good_order(
    local_engine: Engine, settings: Settings
) -> None:
    run_id = local_engine.submit(workflow(step("train", WAITING)), "l-1")
    until(lambda: (settings.volume / "count").exists())
    controller = controller_pid(settings)
    os.kill(keeper_pid(settings), signal.SIGKILL)
    (settings.volume / "go").touch()
    until(lambda: recorded(settings, run_id)[""] == "succeeded")
    until(lambda: not is_locked(Layout(settings.state).controller_lock), "it does not end")
    assert (settings.volume / "count").read_text() == "once\n"
    until(lambda: not is_alive(controller))


def test_run_is_stopped_though_its_controller_was_killed(
    local_engine: Engine, settings: Settings
) -> None:
    run_id = local_engine.submit(workflow(step("train", WAITING)), "l-1")
    wait(local_engine, run_id, lambda _: (settings.volume / "count").exists())
    kill_controller(settings)
    local_engine.stop(run_id)
    assert finish(local_engine, run_id).state is State.STOPPED


def test_killed_controller_between_queueing_and_starting(
    local_engine: Engine, settings: Settings
) -> None:
    first = local_engine.submit(workflow(step("train", WAITING)), "l-1")
    second = local_engine.submit(workflow(step("train", "true")), "l-2")
    wait(local_engine, first, is_running("train"))
    kill_controller(settings)
    assert local_engine.get(second).state is State.PENDING
    (settings.volume / "go").touch()
    assert finish(local_engine, second).state is State.SUCCEEDED


def test_controller_that_dies_while_starting_is_named_on_the_run(
    local_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yaml.py").write_text("raise ImportError('half an installation')\n")
    with monkeypatch.context() as broken:
        broken.setenv("PYTHONPATH", str(tmp_path))
        run_id = local_engine.submit(workflow(step("verify", "true")), "l-1")
        wait(local_engine, run_id, lambda run: "no controller runs" in run.message)
        run = local_engine.get(run_id)
        assert run.state is State.PENDING
        assert "half an installation" in run.message and "controller.log" in run.message
        assert "no controller runs" in local_engine.list_runs().runs[0].message
    assert finish(local_engine, run_id).message == ""


def test_steps_are_not_given_what_opens_kfp(settings: Settings) -> None:
    engine = make_engine(replace(settings, kfp_token="t0ken", kfp_cookie="c00kie"))
    run_id = engine.submit(workflow(step("verify", "env")), "l-1")
    finish(engine, run_id)
    assert "SLIPWAY_VOLUME" in log(engine, run_id, "verify")
    assert not {"t0ken", "c00kie"} & set(re.split(r"[=\n]", log(engine, run_id, "verify")))


def test_vanished_step_is_not_shown_as_running(local_engine: Engine, settings: Settings) -> None:
    run_id = local_engine.submit(workflow(step("train", WAITING)), "l-1")
    wait(local_engine, run_id, lambda _: (settings.volume / "count").exists())
    attempt = Layout(settings.state).attempt(run_id, "train", 1)
    supervisor = psutil.Process(json.loads((attempt / "supervisor.json").read_text())["pid"])
    family = [supervisor, *supervisor.children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    run = finish(local_engine, run_id)
    assert run.state is State.FAILED
    assert "its supervisor was killed" in messages(run)["train"]
    (settings.volume / "go").touch()
    local_engine.retry(run_id)
    assert finish(local_engine, run_id).state is State.SUCCEEDED


def test_step_that_was_killed_says_by_what(local_engine: Engine, settings: Settings) -> None:
    run_id = local_engine.submit(workflow(step("train", f"echo epoch 3; {WAITING}")), "l-1")
    wait(local_engine, run_id, lambda _: (settings.volume / "count").exists())
    os.kill(int((settings.volume / "pid").read_text()), signal.SIGKILL)
    run = finish(local_engine, run_id)
    assert states(run)["train"] is State.FAILED
    assert messages(run)["train"].startswith("it was ended by SIGKILL")
    assert messages(run)["train"].endswith("its last line: epoch 3")


def test_step_that_ignores_a_stop_is_killed_after_the_grace_time(local_engine: Engine) -> None:
    document = workflow(step("train", "trap '' TERM; echo deaf; while true; do sleep 0.05; done"))
    run_id = local_engine.submit(document, "l-1")
    wait(local_engine, run_id, lambda run: "deaf" in log(local_engine, run.id, "train"))
    local_engine.stop(run_id)
    assert finish(local_engine, run_id).state is State.STOPPED


def test_nothing_that_a_step_started_outlives_it(local_engine: Engine, settings: Settings) -> None:
    script = "setsid sleep 60 >/dev/null 2>&1 & sleep 0.2; pgrep -n sleep >/dev/null; echo done"
    run_id = local_engine.submit(workflow(step("train", script)), "l-1")
    assert finish(local_engine, run_id).state is State.SUCCEEDED
    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("SLIPWAY_STATE") == str(settings.state):
                left.append(process.name())
    assert "sleep" not in left


def test_state_that_cannot_be_used_is_an_outage_not_an_empty_list(settings: Settings) -> None:
    from pipeline.core.errors import EngineUnreachable

    database = Layout(settings.state).database
    database.parent.mkdir(parents=True)
    database.write_text("this is no database" * 100)
    with pytest.raises(EngineUnreachable, match="not a database"):
        make_engine(settings).list_runs()
