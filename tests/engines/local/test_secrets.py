"""Steps get the secrets of whoever launched, and no disk does."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.private import values_for
from pipeline.engines.local.schema import VERSION
from pipeline.engines.local.start import take_lock
from pipeline.engines.local.store import Store
from pipeline.engines.local.vault import Vault, make_memory
from pipeline.engines.registry import make_engine
from tests.engines.documents import finish, log, messages, states, step, wait, workflow
from tests.engines.local.faults import controller_pid, repository, until
from tests.fault_table import record
from tests.processes import kill_processes_of, processes_of

# Steps say what they have by its digest, so that it is in no log.
TELLS = "printenv {} | sha256sum; true"
GATED = "touch /data/began; while ! test -e /data/go; do sleep 0.02; done"


def marker() -> str:
    return f"mark{secrets.token_hex(8)}"


def digest_of(value: str) -> str:
    from hashlib import sha256

    return sha256(f"{value}\n".encode()).hexdigest()


def files_with(folder: Path, *values: str) -> list[str]:
    """Name the files that have one of the values in any byte."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(value.encode() in path.read_bytes() for value in values)
    ]


def commands_with(state: Path, *values: str) -> list[str]:
    lines = [" ".join(process.cmdline()) for process in processes_of(state)]
    return [line for line in lines if any(value in line for value in values)]


def tells(engine: Engine, launch: str, name: str, value: str) -> None:
    """Launch a step, and check that it has a variable."""
    document = workflow(step("verify", TELLS.format(name)))
    run = finish(engine, engine.submit(document, launch))
    assert log(engine, run.id, "verify").split()[0] == digest_of(value)


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
    engine = make_engine(private, "local")
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


def test_values_in_an_older_state_are_gone_to_the_last_byte(tmp_path: Path) -> None:
    path = Layout(tmp_path).database
    path.parent.mkdir(parents=True)
    values = [marker() for _ in range(5)]
    first = Path(__file__).with_name("state-version-1.sql").read_text(encoding="utf-8")
    settings = (
        f'{{"SLIPWAY_VOLUME": "/data", "KFP_ENDPOINT": "http://a:{values[0]}@kfp", "SLIPWAY_'
        f'WEBHOOK_URL": "https://hooks/{values[1]}", "MLFLOW_TRACKING_URI": "http://b:{values[2]}@m"}}'
    )
    document = (
        '{"spec": {"templates": [{"container": {"env": [{"name": "MLFLOW_S3_ENDPOINT_URL",'
        f' "value": "http://c:{values[3]}@s3"}}]}}}}]}}}}'
    )
    keeps_log = sqlite3.connect(path)  # else the log is gone when the last one closes
    with closing(keeps_log) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(first)
        db.execute("UPDATE runs SET settings = ?, workflow = ?", (settings, document))
        said = f"http://d:{values[4]}@m does not answer"
        db.execute("UPDATE runs SET message = ?", (said,))
        db.execute("UPDATE steps SET message = ?", (said,))
        db.execute("DELETE FROM runs WHERE id = 'run1'")
        db.commit()
        assert len(files_with(tmp_path, *values)) > 0
        (run, _) = Store(path).page(10, None)
        assert files_with(tmp_path, *values) == []
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert run.secrets["MLFLOW_TRACKING_URI"] == "http://m"
    assert run.settings["SLIPWAY_VOLUME"] == "/data"
    assert run.settings["KFP_ENDPOINT"] == "http://kfp"
    assert run.message == "http://m does not answer"


def test_a_state_that_somebody_reads_is_overwritten_later(tmp_path: Path) -> None:
    path, value = tmp_path / "runs.db", marker()
    first = Path(__file__).with_name("state-version-1.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(
            first.replace('"/data"', f'"/data", "SLIPWAY_WEBHOOK_URL": "http://h/{value}"')
        )
        db.execute("BEGIN")
        db.execute("SELECT * FROM runs").fetchone()
        store = Store(path)
        assert len(store.page(10, None)) == 3  # nobody is kept waiting for long
        db.execute("COMMIT")
        assert files_with(tmp_path, value) != []
        look = f"Store(Path({str(path)!r})).page(10, None)"
        code = f"from pathlib import Path; from pipeline.engines.local.store import Store; {look}"
        subprocess.run([sys.executable, "-c", code], cwd=repository(), check=True)
        assert files_with(tmp_path, value) == []


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


# The first was in a list once, the others were not.
@pytest.mark.parametrize(
    "name",
    [
        *("AWS_SECRET_ACCESS_KEY", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL_S3"),
        *("MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_AWS_SIGV4", "AWS_ROLE_ARN"),
    ],
)
def test_runs_of_an_older_state_have_every_variable_of_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "runs.db"
    first = Path(__file__).with_name("state-version-1.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path)) as db:
        db.executescript(first)
    monkeypatch.delenv(name, raising=False)
    (run, *_) = Store(path).page(10, None)
    assert name not in values_for(run.secrets, {})[0]
    value = marker()
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("HUB_KEY", value)
    monkeypatch.setenv("KFP_TOKEN", value)
    values, missing = values_for(run.secrets, {})
    assert (values[name], missing) == (value, [])
    assert "HUB_KEY" not in values and "KFP_TOKEN" not in values
    assert values_for(run.secrets, {name: "handed"})[0][name] == "handed"


def test_a_launch_beside_an_engine_that_takes_no_handover_says_so(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, value = "MLFLOW_TRACKING_TOKEN", marker()
    layout = Layout(settings.state)
    layout.socket.mkdir(parents=True)  # as a disk that takes no socket
    gate = local_engine.submit(workflow(step("train", GATED)), "l-0")
    until(lambda: (settings.volume / "began").exists() and controller_pid(settings))
    monkeypatch.setenv(name, value)
    began = time.monotonic()
    document = workflow(step("verify", f"printenv {name} | sha256sum; test -e /data/go-2"))
    run_id = local_engine.submit(document, "l-1")
    assert time.monotonic() - began < 2
    monkeypatch.delenv(name)
    (settings.volume / "go").touch()
    assert finish(local_engine, run_id).state is State.FAILED
    finish(local_engine, gate)
    shown = log(local_engine, run_id, "verify").splitlines()[0]
    assert f"goes on without {name}" in shown
    until(lambda: take_and_leave_lock(layout))  # it ends when it has nothing left to do
    monkeypatch.setenv(name, value)
    (settings.volume / "go-2").touch()
    local_engine.retry(run_id)
    run = finish(local_engine, run_id)
    assert digest_of(value) in log(local_engine, run_id, "verify")
    assert files_with(settings.state, value) == []
    then = f"a retry that starts the engine with it: {run.state.label}"
    record("a state folder that takes no socket", "at a launch from another shell", shown, then)


def take_and_leave_lock(layout: Layout) -> bool:
    lock = take_lock(layout)
    if lock is None:
        return False
    os.close(lock)
    return True


def test_nobody_waits_long_for_an_engine_that_does_not_answer(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", marker())
    lock = take_lock(Layout(settings.state))
    assert lock is not None
    try:
        began = time.monotonic()
        local_engine.submit(workflow(step("verify", "true")), "l-1")
        assert time.monotonic() - began < 4
    finally:
        os.close(lock)


def test_the_engine_goes_on_listening_whatever_it_is_told(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_engine.submit(workflow(step("train", GATED)), "l-0")
    until(lambda: (settings.volume / "began").exists() and controller_pid(settings))
    deep = b"[" * 200_000
    texts = [b"", b"[]", b"{", b"7", b'{"run": 1}', b'{"run": 1, "values": {"A": 1}}', b"\xff"]
    for text in (*texts, deep, b'{"run": "x", "values": ["a"]}', b'{"run": "x", "values": "ab"}'):
        with socket.socket(socket.AF_UNIX) as client, suppress(BrokenPipeError, ConnectionError):
            client.connect(str(Layout(settings.state).socket))
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(4) == b""
    value = marker()
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", value)
    document = workflow(step("verify", TELLS.format("MLFLOW_TRACKING_TOKEN")))
    run_id = local_engine.submit(document, "l-1")
    (settings.volume / "go").touch()
    finish(local_engine, run_id)
    assert log(local_engine, run_id, "verify").split()[0] == digest_of(value)


def in_memory(settings: Settings, value: str) -> bool:
    """Say whether the controller has a value in the file that it shares with the next one."""
    files = Path(f"/proc/{controller_pid(settings)}/fd").iterdir()
    (memory,) = [file for file in files if "slipway-handover" in os.readlink(file)]
    return value.encode() in memory.read_bytes()


def test_the_same_launch_again_hands_nothing_over(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = marker(), marker()
    local_engine.submit(workflow(step("train", GATED)), "l-0")
    until(lambda: (settings.volume / "began").exists() and controller_pid(settings))
    for value in (first, second):
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", value)
        local_engine.submit(workflow(step("verify", "true")), "l-1")
    assert in_memory(settings, first) and not in_memory(settings, second)
    (settings.volume / "go").touch()


def test_values_are_forgotten_when_their_run_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, now = make_memory(), time.monotonic()
    vault = Vault(memory)
    for name in ("over", "waits", "retried"):
        vault.put(name, {"AWS_SECRET_ACCESS_KEY": f"of-{name}"})
    vault.forget_all_but(list)  # a launch hands over before it queues
    assert vault.get("over")
    monkeypatch.setattr(time, "monotonic", lambda: now + 60)
    vault.put("retried", {"AWS_PROFILE": "two"})
    vault.forget_all_but(lambda: ["waits"])
    monkeypatch.undo()
    assert (vault.get("over"), vault.get("waits")) == ({}, {"AWS_SECRET_ACCESS_KEY": "of-waits"})
    assert vault.get("retried") == {"AWS_SECRET_ACCESS_KEY": "of-retried", "AWS_PROFILE": "two"}
    assert b"of-over" not in os.pread(memory, 4096, 0)
    assert Vault(memory).get("waits")
