"""Runs wait for slots, in order."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from pipeline.core.errors import InputError
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine
from pipeline.engines.local.engine import LocalEngine
from pipeline.engines.registry import make_engine
from tests.engines.documents import finish, is_running, log, messages, step, wait, workflow

WAITING = "while ! test -e /data/go; do sleep 0.02; done; echo {{workflow.parameters.launch}}"


def queued(engine: Engine, launch: str) -> str:
    script = f"{WAITING} >>/data/order"
    return engine.submit(workflow(step("train", script), parameters={"launch": launch}), launch)


def test_runs_start_one_after_the_other(local_engine: Engine, settings: Settings) -> None:
    ids = [queued(local_engine, f"l-{number}") for number in range(3)]
    wait(local_engine, ids[0], is_running("train"))
    last = wait(local_engine, ids[2], lambda run: run.message != "")
    assert last.state is State.PENDING
    assert last.message == "waits for a job slot; 2 before it"
    (settings.volume / "go").touch()
    for run_id in ids:
        finish(local_engine, run_id)
    assert (settings.volume / "order").read_text().split() == ["l-0", "l-1", "l-2"]


def test_waiting_runs_can_be_reordered_and_stopped(
    local_engine: LocalEngine, settings: Settings
) -> None:
    ids = [queued(local_engine, f"l-{number}") for number in range(4)]
    wait(local_engine, ids[0], is_running("train"))
    local_engine.reorder(ids[3], 0)
    local_engine.stop(ids[1])
    stopped = finish(local_engine, ids[1])
    assert stopped.state is State.STOPPED
    assert set(messages(stopped).values()) == {"the run was stopped"}
    (settings.volume / "go").touch()
    for run_id in ids:
        finish(local_engine, run_id)
    assert (settings.volume / "order").read_text().split() == ["l-0", "l-3", "l-2"]


def test_two_job_slots_run_two_at_a_time(local_engine: Engine, settings: Settings) -> None:
    engine = make_engine(replace(settings, job_slots=2))
    ids = [queued(engine, f"l-{number}") for number in range(2)]
    for run_id in ids:
        wait(engine, run_id, is_running("train"))
    assert [engine.get(run_id).state for run_id in ids] == [State.RUNNING] * 2
    (settings.volume / "go").touch()
    assert [finish(engine, run_id).state for run_id in ids] == [State.SUCCEEDED] * 2


def test_gpus_are_given_out_once(local_engine: Engine, settings: Settings) -> None:
    engine = make_engine(replace(settings, job_slots=2, gpu_slots=2))
    script = f"echo gpu $CUDA_VISIBLE_DEVICES; {WAITING}"
    parameters = {"launch": "l"}
    both = workflow(step("train", script, gpus=2), parameters=parameters)
    one = workflow(step("train", "echo gpu $CUDA_VISIBLE_DEVICES", gpus=1), step("test", "env"))
    first, second = engine.submit(both, "l-1"), engine.submit(one, "l-2")
    waiting = wait(engine, second, lambda run: messages(run)["train"] != "")
    assert messages(waiting)["train"] == "waits for 1 GPU(s); 0 of 2 are free"
    (settings.volume / "go").touch()
    finish(engine, first)
    finish(engine, second)
    assert log(engine, first, "train").splitlines()[0] == "gpu 0,1"
    assert log(engine, second, "train") == "gpu 0\n"
    assert "CUDA_VISIBLE_DEVICES=\n" in log(engine, second, "test")


def test_more_gpus_than_there_are_is_refused(local_engine: Engine) -> None:
    with pytest.raises(InputError, match=r"train asks for 1 GPU\(s\); this machine has 0"):
        local_engine.submit(workflow(step("train", "true", gpus=1)), "l-1")
    assert local_engine.list_runs().runs == ()


SUBMIT = """
import json, sys
from pathlib import Path
from pipeline.core.settings import Settings
from pipeline.engines.registry import make_engine
volume, state, document = sys.argv[1:]
engine = make_engine(Settings(volume=Path(volume), state=Path(state), gpu_slots=0))
print(engine.submit(json.loads(document), "l-1"))
"""


def test_two_processes_submit_one_launch_once(local_engine: Engine, settings: Settings) -> None:
    import json

    document = json.dumps(workflow(step("train", "echo once >>/data/count")))
    command = [sys.executable, "-c", SUBMIT, str(settings.volume), str(settings.state), document]
    submitters = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=".") for _ in range(2)
    ]
    ids = {process.communicate(timeout=60)[0].strip() for process in submitters}
    assert [process.returncode for process in submitters] == [0, 0]
    assert len(ids) == 1
    assert finish(local_engine, ids.pop()).state is State.SUCCEEDED
    assert (settings.volume / "count").read_text() == "once\n"
