"""What people do to runs: all at once, in the wrong moment, with the wrong folder."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import run_folder
from pipeline.engines.base import Engine
from pipeline.engines.local.layout import Layout
from tests.engines.documents import finish, is_running, log, states, step, wait, workflow
from tests.engines.local.faults import (
    begun,
    check_tidy,
    gated,
    open_gate,
    repository,
    seen,
    settle,
    start,
    step_pid,
    three_steps,
    working,
)
from tests.fault_table import record
from tests.waiting import until

LAUNCH = """
import json, sys
from dataclasses import replace
from pathlib import Path
from pipeline.core.settings import Settings
from pipeline.engines.registry import make_engine
volume, state, document, number = sys.argv[1:]
engine = make_engine(Settings(volume=Path(volume), state=Path(state), gpu_slots=0, job_slots=4))
for count in range(10):
    print(engine.submit(json.loads(document), f"l-{number}-{count}"))
    engine.submit(json.loads(document), f"l-{number}-{count}")
"""


def test_a_hundred_launches_from_ten_processes(local_engine: Engine, settings: Settings) -> None:
    script = "echo $$ >>/data/begun"
    document = json.dumps(workflow(step("verify", script)))
    command = [sys.executable, "-c", LAUNCH, str(settings.volume), str(settings.state), document]
    launchers = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, cwd=repository())
        for number in range(10)
    ]
    answers = [launcher.communicate(timeout=300)[0].split() for launcher in launchers]
    assert [launcher.returncode for launcher in launchers] == [0] * 10
    ids = {run_id.decode() for answer in answers for run_id in answer}
    assert len(ids) == 100
    until(lambda: all(run.state.is_finished for run in local_engine.list_runs(limit=200).runs))
    runs = local_engine.list_runs(limit=200).runs
    assert {run.id for run in runs} == ids
    assert Counter(run.state for run in runs) == {State.SUCCEEDED: 100}
    assert sum(begun(settings).values()) == 100
    check_tidy(settings)
    record(
        "100 launches from 10 processes, each sent twice",
        "at once",
        "100 runs",
        "each runs once",
    )


def test_stop_of_a_run_that_waits(local_engine: Engine, settings: Settings) -> None:
    blocker = local_engine.submit(workflow(step("verify", "sleep 600")), "l-0")
    wait(local_engine, blocker, is_running("verify"))
    run_id = local_engine.submit(three_steps(), "l-1")
    local_engine.stop(run_id)
    assert finish(local_engine, run_id).state is State.STOPPED
    local_engine.stop(blocker)
    settle(local_engine, settings, run_id, "stop", "while the run waits")


def test_stop_right_after_the_launch(local_engine: Engine, settings: Settings) -> None:
    run_id = local_engine.submit(three_steps(), "l-1")
    local_engine.stop(run_id)
    run = settle(local_engine, settings, run_id, "stop", "right after the launch")
    assert run.state is State.STOPPED


def test_stop_between_the_start_of_a_step_and_its_first_word(
    local_engine: Engine, settings: Settings
) -> None:
    run_id = local_engine.submit(three_steps(), "l-1")
    wait(local_engine, run_id, is_running("train"))
    local_engine.stop(run_id)
    run = settle(local_engine, settings, run_id, "stop", "as a step starts")
    assert run.state is State.STOPPED


def test_stop_during_a_step(local_engine: Engine, settings: Settings) -> None:
    run_id = start(local_engine, settings)
    local_engine.stop(run_id)
    run = settle(local_engine, settings, run_id, "stop", "during a step")
    assert states(run)["train"] is State.STOPPED
    assert states(run)["notify"] is State.SUCCEEDED


def test_stop_during_the_exit_handler(local_engine: Engine, settings: Settings) -> None:
    document = workflow(working("verify"), on_exit="echo at work; sleep 600")
    run_id = local_engine.submit(document, "l-1")
    wait(local_engine, run_id, lambda run: "at work" in log(local_engine, run.id, "notify"))
    local_engine.stop(run_id)
    run = finish(local_engine, run_id)
    assert states(run)["notify"] is State.STOPPED
    assert states(run)["verify"] is State.SUCCEEDED
    check_tidy(settings)
    record("stop", "during the exit handler", seen(run), "the steps have succeeded")


def test_retry_of_a_run_that_runs(local_engine: Engine, settings: Settings) -> None:
    run_id = start(local_engine, settings)
    before = local_engine.get(run_id)
    local_engine.retry(run_id)
    assert local_engine.get(run_id) == before
    open_gate(settings)
    settle(local_engine, settings, run_id, "retry", "while the run runs")


def test_two_retries_at_once(local_engine: Engine, settings: Settings) -> None:
    run_id = start(local_engine, settings, working("train", "test -e /data/go"))
    assert finish(local_engine, run_id).state is State.FAILED
    open_gate(settings)
    for _ in range(3):
        local_engine.retry(run_id)
    settle(local_engine, settings, run_id, "retry", "by several people at once")


def test_run_folder_that_is_removed(local_engine: Engine, settings: Settings) -> None:
    folder = run_folder(Volume(settings.volume), "l-1")
    script = "mkdir -p /data/runs/l-1/train; while ! test -e /data/go; do sleep 0.02; done"
    script += "; test -d /data/runs/l-1/train || test -e /data/again || { touch /data/again;"
    script += " echo the run folder is gone; exit 1; }"
    run_id = start(local_engine, settings, working("train", script))
    until(folder.path.exists)
    shutil.rmtree(folder.path)
    open_gate(settings)
    run = settle(
        local_engine,
        settings,
        run_id,
        "run folder on the volume removed",
        "during a step",
        is_timed=True,
    )
    assert run.state is State.FAILED


def test_engine_folder_that_is_removed(local_engine: Engine, settings: Settings) -> None:
    run_id = start(local_engine, settings)
    pid = step_pid(settings)
    shutil.rmtree(Layout(settings.state).run(run_id))
    run = settle(
        local_engine,
        settings,
        run_id,
        "the engine's folder of a run removed",
        "during a step",
        is_timed=True,
    )
    assert run.state is State.FAILED
    assert begun(settings)["train"] == 2
    assert step_pid(settings) != pid


def test_state_folder_that_is_removed(local_engine: Engine, settings: Settings) -> None:
    start(local_engine, settings)
    pid = step_pid(settings)
    until(lambda: shutil.rmtree(settings.state, ignore_errors=True) or not settings.state.exists())
    assert local_engine.list_runs().runs == ()
    open_gate(settings)
    # By itself, or ended by a controller that saw the step's folder go before its own lock went.
    until(lambda: not psutil.pid_exists(pid))
    second = local_engine.submit(workflow(working("test")), "l-2")
    assert finish(local_engine, second).state is State.SUCCEEDED
    assert begun(settings) == {"verify": 1, "train": 1, "test": 1}
    check_tidy(settings)
    record(
        "state folder removed",
        "during a step",
        "no runs; the run folders on the volume stay",
        "the step ends, the next ones do not start; new launches run",
    )


@pytest.mark.parametrize("ahead", [True, False], ids=["back", "forward"])
def test_clock_that_is_set_by_an_hour(
    local_engine: Engine, settings: Settings, ahead: bool
) -> None:
    """All that was recorded before is an hour in the future, or in the past, of what follows."""
    run_id = start(local_engine, settings)
    waiting = local_engine.submit(workflow(working("verify")), "l-2")
    _shift(settings, timedelta(hours=1 if ahead else -1))
    local_engine.stop(run_id)
    run = finish(local_engine, run_id)
    assert run.state is State.STOPPED
    assert states(run)["notify"] is State.SUCCEEDED
    assert finish(local_engine, waiting).state is State.SUCCEEDED
    assert [run.id for run in local_engine.list_runs().runs] == [waiting, run_id]
    done = settings.volume / "done"
    done.write_text(done.read_text().replace("verify\n", "", 1))
    way = "back" if ahead else "forward"
    settle(local_engine, settings, run_id, f"clock set {way} an hour", "during a step, then a stop")


def _shift(settings: Settings, by: timedelta) -> None:
    with closing(sqlite3.connect(Layout(settings.state).database, timeout=20)) as db:
        for table, columns in (("runs", ("created_at", "started_at")), ("steps", ("started_at",))):
            for column in columns:
                for rowid, text in db.execute(f"SELECT rowid, {column} FROM {table}").fetchall():
                    if text:
                        moved = datetime.fromisoformat(text).astimezone(UTC) + by
                        later = moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                        db.execute(
                            f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (later, rowid)
                        )
        db.commit()


def test_run_that_is_deleted_while_it_runs(local_engine: Engine, settings: Settings) -> None:
    run_id = start(local_engine, settings)
    local_engine.delete(run_id)
    assert local_engine.list_runs().runs == ()
    again = local_engine.submit(workflow(gated("train")), "l-1")
    open_gate(settings)
    assert finish(local_engine, again).state is State.SUCCEEDED
    until(lambda: not Layout(settings.state).run(run_id).exists())
    assert not (settings.volume / "overlap").exists()
    check_tidy(settings)
    record("delete", "while the run runs", "nothing: it is deleted", "its step is stopped")
