"""Parts of the cluster that die during a run: it ends as it should, and nothing runs twice.

These tests take the cluster away from all others, so they run without any beside them.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest import MonkeyPatch

from pipeline.actions.installation import Installation
from pipeline.actions.runs.find import newest
from pipeline.core import outages
from pipeline.core.errors import EngineUnreachable
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine
from tests import kfp_backend
from tests.engines import documents
from tests.engines.documents import finish, is_running, launch, log, own_runs, states, step, wait
from tests.waiting import until

pytestmark = [pytest.mark.kubeflow, pytest.mark.alone]

WAITING = "echo once >>/data/count; while ! test -e /data/go; do sleep 0.2; done; touch /data/done"


@pytest.fixture
def engine(kubeflow_engine: Engine) -> Engine:
    return kubeflow_engine


@pytest.fixture
def stack() -> Iterator[Path]:
    """Give the folder of the stack, all of which is up again after the test."""
    folder = kfp_backend._STACK
    if not (folder / "up").is_file() or not pid_of(folder, "argo"):
        pytest.skip("this KFP is not the stack's own: its processes cannot be killed.")
    yield folder
    bring_up(folder)


def pid_of(stack: Path, component: str) -> int:
    """Give the process of a component, 0 when there is none."""
    said = subprocess.run([stack / "status"], capture_output=True, text=True).stdout
    (line,) = (line.split() for line in said.splitlines() if line.startswith(f"{component} "))
    return int(line[1]) if line[1].isdecimal() else 0


def kill(stack: Path, component: str) -> None:
    os.kill(pid_of(stack, component), signal.SIGKILL)


def bring_up(stack: Path) -> None:
    subprocess.run([stack / "up"], check=True, capture_output=True, timeout=120)


def started(engine: Engine, core: Any) -> tuple[str, Path]:
    """Start a run that waits for a file in its claim, and give its id and the claim's folder."""
    run_id = launch(engine, step("train", WAITING), step("test", "cat /data/count"))
    wait(engine, run_id, is_running("train"))
    folder = kfp_backend._path_of(core, documents.claim())
    until((folder / "count").exists)
    return run_id, folder


def ran_once(engine: Engine, run_id: str) -> None:
    run = finish(engine, run_id)
    assert run.state is State.SUCCEEDED, run
    assert set(states(run).values()) == {State.SUCCEEDED}
    assert log(engine, run_id, "test") == "once\n"
    assert [run.id for run in own_runs(engine)] == [run_id]


def test_a_step_ends_while_the_workflow_controller_is_dead(
    engine: Engine, kfp_core: Any, stack: Path
) -> None:
    run_id, folder = started(engine, kfp_core)
    kill(stack, "argo")
    (folder / "go").touch()
    until((folder / "done").exists)
    assert states(engine.get(run_id))["train"] is State.RUNNING  # nobody has looked at it yet
    bring_up(stack)
    ran_once(engine, run_id)


def test_a_step_ends_while_the_api_server_is_dead(
    engine: Engine, kfp_core: Any, kfp_settings: Settings, stack: Path, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "FIRST_PAUSE_S", 0.0)
    here = Installation(replace(kfp_settings, engines=("kubeflow",)))
    run_id, folder = started(engine, kfp_core)
    assert run_id in [run.id for run in newest(here).runs]
    kill(stack, "kfp-apiserver")
    (folder / "go").touch()
    until((folder / "done").exists)
    during = newest(here)
    (shown,) = (run for run in during.runs if run.id == run_id)
    assert shown.state is State.RUNNING
    assert "Last seen" in shown.message
    assert [outage.engine for outage in during.outages] == ["kubeflow"]
    with pytest.raises(EngineUnreachable):
        launch(engine, step("train", WAITING))
    bring_up(stack)
    assert newest(here).outages == ()
    ran_once(engine, run_id)
