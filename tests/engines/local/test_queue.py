"""Runs wait for slots, in order."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.core.errors import InputError
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine, Run, Step
from pipeline.engines.local.engine import LocalEngine
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.estimate import starts_in_s
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


def test_runs_start_by_priority_then_by_time(local_engine: LocalEngine, settings: Settings) -> None:
    ids = [queued(local_engine, f"l-{number}") for number in range(5)]
    wait(local_engine, ids[0], is_running("train"))
    local_engine.prioritise(ids[1], -1)
    local_engine.prioritise(ids[4], 1)
    waiting = [run.launch for run in local_engine.queue().runs[1:]]
    assert waiting == ["l-4", "l-2", "l-3", "l-1"]
    assert local_engine.get(ids[1]).message == "waits for a job slot; 4 before it"
    (settings.volume / "go").touch()
    for run_id in ids:
        finish(local_engine, run_id)
    assert (settings.volume / "order").read_text().split() == ["l-0", *waiting]


def test_a_moved_run_takes_the_priority_of_those_around_it(
    local_engine: LocalEngine, settings: Settings
) -> None:
    ids = [queued(local_engine, f"l-{number}") for number in range(4)]
    wait(local_engine, ids[0], is_running("train"))
    local_engine.prioritise(ids[1], 1)
    local_engine.prioritise(ids[3], -1)
    local_engine.reorder(ids[3], 0)
    local_engine.reorder(ids[1], 2)
    found = local_engine.queue()
    assert [run.id for run in found.runs[1:]] == [ids[3], ids[2], ids[1]]
    numbers = [found.priorities[run.id] for run in found.runs[1:]]
    assert numbers == sorted(numbers, reverse=True)


def test_nothing_starts_while_the_queue_is_paused(
    local_engine: LocalEngine, settings: Settings
) -> None:
    first = queued(local_engine, "l-0")
    wait(local_engine, first, is_running("train"))
    local_engine.pause(is_paused=True)
    second = queued(local_engine, "l-1")
    (settings.volume / "go").touch()
    assert finish(local_engine, first).state is State.SUCCEEDED
    # A controller that did not know of the pause would start it now, and so would a new one.
    assert local_engine.get(second).message == "the queue is paused; 0 before it"
    again = make_engine(settings)
    third = again.submit(workflow(step("verify", "true")), "l-2")
    again.stop(third)
    assert finish(again, third).state is State.STOPPED
    assert local_engine.get(second).state is State.PENDING
    assert local_engine.queue().starts_in_s == {}
    local_engine.pause(is_paused=False)
    assert finish(local_engine, second).state is State.SUCCEEDED


def test_a_run_starts_when_those_like_it_before_it_are_over() -> None:
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)

    def run(name: str, cfg: str, *, started: float = 0, took: float = 0) -> Run:
        start = (now - timedelta(seconds=started)).isoformat()
        end = (now - timedelta(seconds=started - took)).isoformat() if took else ""
        steps = (Step("train", State.RUNNING, start, end),)
        return Run(
            name, name, name, "local", State.RUNNING, "", start, end, steps, "", {"cfg": cfg}
        )

    past = [
        run("newest short", "short", started=900, took=100),
        run("short", "short", started=5000, took=4000),
        run("long", "long", started=9000, took=1000),
    ]
    running = [run("a", "short", started=40), run("b", "long", started=5000)]
    waiting = [run("c", "short"), run("d", "long"), run("e", "other"), run("f", "short")]
    estimates = starts_in_s(running, waiting, past, slots=2, now=now)
    # b is overdue; d follows a; the median of 100, 4000 and 1000 is what e takes.
    assert estimates == {"c": 0, "d": 60, "e": 100, "f": 1060}
    assert starts_in_s(running, waiting, past, slots=4, now=now)["d"] == 0
    assert starts_in_s(running, waiting, [], slots=2, now=now) == {}


def test_many_waiting_runs_are_no_work(local_engine: LocalEngine, settings: Settings) -> None:
    """Nothing is written for those that wait: what they wait for is worked out by who looks."""
    first = queued(local_engine, "l-0")
    wait(local_engine, first, is_running("train"))
    document = workflow(step("verify", "true"))
    ids = [local_engine.submit(document, f"w-{number}") for number in range(200)]
    assert local_engine.get(ids[-1]).message == "waits for a job slot; 200 before it"
    with closing(sqlite3.connect(Layout(settings.state).database)) as db:
        assert db.execute("SELECT count(*) FROM runs WHERE message != ''").fetchone() == (0,)
    assert len(local_engine.queue().runs) == 201
    for run_id in ids:
        local_engine.delete(run_id)


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
