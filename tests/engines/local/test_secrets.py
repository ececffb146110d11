"""Steps get the secrets of whoever launched, and no disk does."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace

import psutil
import pytest

from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine
from pipeline.engines.local.layout import Layout
from pipeline.engines.registry import make_engine
from tests.engines.documents import finish, log, messages, states, step, wait, workflow
from tests.engines.local.faults import controller_pid
from tests.engines.local.marks import (
    GATED,
    TELLS,
    commands_with,
    digest_of,
    files_with,
    marker,
    tells,
)
from tests.fault_table import record
from tests.processes import kill_processes_of, processes_of
from tests.waiting import until


@pytest.mark.parametrize(
    "name", ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY"]
)
def test_every_launch_has_the_secrets_of_its_own_shell(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(name, raising=False)
    gate = local_engine.submit(workflow(step("train", GATED)), "l-0")  # starts the controller
    until(lambda: (settings.volume / "began").exists())
    local_engine.submit(workflow(step("verify", f"printenv {name} || echo none")), "l-1")
    first, second = marker(), marker()
    for launch, value in (("l-2", first), ("l-3", second)):
        monkeypatch.setenv(name, value)
        local_engine.submit(workflow(step("verify", TELLS.format(name))), launch)
    monkeypatch.delenv(name)
    (settings.volume / "go").touch()
    finish(local_engine, gate)
    said = {}
    for launch in ("l-1", "l-2", "l-3"):
        assert finish(local_engine, launch).state is State.SUCCEEDED
        said[launch] = log(local_engine, launch, "verify").split()[0]
    assert said == {"l-1": "none", "l-2": digest_of(first), "l-3": digest_of(second)}
    assert files_with(settings.state, first, second) == []
    assert commands_with(settings.state, first, second) == []


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("tracking_uri", "MLFLOW_TRACKING_URI"),
        ("s3_endpoint_url", "MLFLOW_S3_ENDPOINT_URL"),
        ("webhook_url", "SLIPWAY_WEBHOOK_URL"),
    ],
)
@pytest.mark.parametrize("form", ["http://kim:{}@127.0.0.1:9/a", "http://127.0.0.1:9/?token={}"])
def test_addresses_with_secrets_reach_steps_and_no_file(
    local_engine: Engine, settings: Settings, field: str, name: str, form: str
) -> None:
    value = marker()
    tells(local_engine, "l-0", "HOME", os.environ["HOME"])  # a controller without them
    engine = make_engine(replace(settings, **{field: form.format(value)}))
    tells(engine, "l-1", name, form.format(value))
    assert files_with(settings.state, value) == []


def test_what_opens_kfp_and_mirrors_is_not_for_steps(
    local_engine: Engine, settings: Settings
) -> None:
    value = marker()
    private = replace(
        settings,
        kfp_endpoint=f"http://kim:{value}@kfp:8888",
        weights_url=f"https://{value}@mirror/x",
        pod_tracking_uri=f"http://mlflow/?key={value}",
        kfp_token=value,
        kfp_cookie=value,
    )
    engine = make_engine(private)
    run = finish(engine, engine.submit(workflow(step("verify", "env")), "l-1"))
    said = log(engine, run.id, "verify")
    assert value not in said and "KFP_ENDPOINT=http://kfp:8888" in said
    assert files_with(settings.state, value) == []


def test_a_killed_controller_takes_no_secret_with_it(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, value = "MLFLOW_TRACKING_TOKEN", marker()
    local_engine.submit(workflow(step("train", GATED)), "l-0")
    until(lambda: (settings.volume / "began").exists())
    monkeypatch.setenv(name, value)
    run_id = local_engine.submit(workflow(step("verify", TELLS.format(name))), "l-1")
    monkeypatch.delenv(name)
    pid = controller_pid(settings)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(pid))
    (settings.volume / "go").touch()
    finish(local_engine, run_id)
    assert log(local_engine, run_id, "verify").split()[0] == digest_of(value)


def restarted(engine: Engine, settings: Settings, forget: Callable[[], object]) -> str:
    """Launch with a secret and stop the machine before its step starts; give the run."""
    document = workflow(
        step("train", GATED), step("verify", "printenv MLFLOW_TRACKING_URI || true")
    )
    run_id = engine.submit(document, "l-1")
    until(lambda: (settings.volume / "began").exists())
    kill_processes_of(settings.state)
    until(lambda: not processes_of(settings.state))
    forget()
    (settings.volume / "go").touch()
    return run_id


def test_a_secret_that_is_gone_is_named_and_a_retry_brings_it_back(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, value = "MLFLOW_TRACKING_PASSWORD", marker()
    monkeypatch.setenv(name, value)
    run_id = restarted(local_engine, settings, lambda: monkeypatch.delenv(name))
    assert finish(local_engine, run_id).state is State.FAILED  # the machine was started anew
    local_engine.retry(run_id)
    run = finish(local_engine, run_id)
    said = log(local_engine, run_id, "train").splitlines()
    (shown,) = [line for line in said if f"goes on without {name}" in line]
    assert "retry the run" in shown
    assert run.state is State.SUCCEEDED
    again = workflow(step("verify", f"printenv {name} | sha256sum; test -e /data/go-2"))
    other = local_engine.submit(again, "l-2")
    assert finish(local_engine, other).state is State.FAILED
    monkeypatch.setenv(name, value)
    (settings.volume / "go-2").touch()
    local_engine.retry(other)
    finish(local_engine, other)
    assert digest_of(value) in log(local_engine, other, "verify")
    assert files_with(settings.state, value) == []
    fault, when = (
        "restart of the machine",
        "during a step, from a shell without the launch's variables on",
    )
    record(fault, when, shown, "a retry from a shell that has them: the step has them")


def test_mlflow_of_another_shell_is_not_asked_in_its_place(
    local_engine: Engine, settings: Settings
) -> None:
    value = marker()
    engine = make_engine(replace(settings, tracking_uri=f"http://kim:{value}@mlflow.lab:9/x"))
    run_id = restarted(engine, settings, lambda: None)
    other = make_engine(replace(settings, tracking_uri=f"http://lee:{value}@another:9"))
    finish(other, run_id)
    other.retry(run_id)
    run = finish(other, run_id)
    assert run.state is State.SUCCEEDED, run
    assert states(run)["verify"] is State.SUCCEEDED
    lines = log(other, run_id, "verify").splitlines()
    assert "MLFLOW_TRACKING_URI" in lines[0] and lines[-1] == "http://mlflow.lab:9/x"


def test_a_running_step_says_on_its_page_what_it_lacks(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", marker())
    run_id = restarted(local_engine, settings, lambda: monkeypatch.delenv("AWS_SECRET_ACCESS_KEY"))
    finish(local_engine, run_id)
    (settings.volume / "go").unlink()
    local_engine.retry(run_id)
    wait(local_engine, run_id, lambda run: "AWS_SECRET_ACCESS_KEY" in messages(run)["train"])
    (settings.volume / "go").touch()
    assert messages(finish(local_engine, run_id))["train"] == ""


def test_state_and_socket_are_their_owners_alone(local_engine: Engine, settings: Settings) -> None:
    finish(local_engine, local_engine.submit(workflow(step("verify", "true")), "l-1"))
    base = Layout(settings.state).base
    assert settings.state.stat().st_mode & 0o777 == 0o700
    assert base.stat().st_mode & 0o777 == 0o700
    assert (base / "controller.sock").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["AWS_PAGER", "AWS_ENDPOINT_URL", "MLFLOW_TRACKING_TOKEN"])
def test_a_variable_that_is_set_to_nothing_is_no_secret(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "")
    local_engine.submit(workflow(step("train", GATED)), "l-0")
    until(lambda: (settings.volume / "began").exists())
    other = local_engine.submit(workflow(step("verify", f"printenv {name} || echo none")), "l-1")
    (settings.volume / "go").touch()
    for run_id, steps in (("l-0", "train"), (other, "verify")):
        assert finish(local_engine, run_id).state is State.SUCCEEDED
        assert "goes on without" not in log(local_engine, run_id, steps)


def test_a_secret_that_a_workflow_needs_and_that_is_set_to_nothing_is_refused(
    local_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = step("verify", "true")
    needs["container"]["env"].append(
        {"name": "HUB_KEY", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "key"}}}
    )
    monkeypatch.setenv("HUB_KEY", "")
    (finding,) = local_engine.check(workflow(needs))
    assert finding.code == "no-secret"
