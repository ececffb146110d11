"""Limits of time and memory, and a machine that has no memory left: what the run says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import InputError
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import run_folder
from pipeline.engines.base import Engine
from pipeline.engines.local.steps.group import make_group
from pipeline.engines.registry import make_engine
from tests.engines.documents import finish, messages, step, workflow
from tests.engines.local.faults import check_tidy, seen
from tests.fault_table import record

EAT = "held = []\nwhile True: held.append(bytearray(b'x' * (8 << 20)))"
# Shared with a child, memory is not taken twice.
SHARE = """
import os, time
held = bytearray(b'x') * (96 << 20)
children = [os.fork() for _ in range(1)]
if children[0] == 0:
    time.sleep(600)
time.sleep(2.5)
print("shared")
"""
SLEEP = "trap 'exit 143' TERM; sleep 600 & wait"


def limited(program: str, **limits: str) -> dict[str, Any]:
    entry = step("train", "")
    entry["container"]["command"] = ["python", "-c", program]
    entry["container"]["resources"] = {"limits": limits}
    return entry


def trained_with(settings: Settings, **tried: object) -> None:
    """Let the run folder say what a training had tried."""
    folder = run_folder(Volume(settings.volume), "l-1")
    folder.step("train").mkdir(parents=True)
    folder.attempts.write_text(json.dumps([tried]))


def test_step_that_takes_too_long(local_engine: Engine, settings: Settings) -> None:
    entry = step("train", SLEEP)
    entry["activeDeadlineSeconds"] = 1
    run = finish(local_engine, local_engine.submit(workflow(entry, step("test", "true")), "l-1"))
    assert run.state is State.FAILED
    assert messages(run)["train"].startswith("it ran longer than its limit of 1 s. Retry the run")
    assert messages(run)["test"] == "train failed"
    check_tidy(settings)
    record("a step that takes too long", "at its limit", seen(run), "it is stopped, then killed")


def test_limit_of_the_settings_holds_where_the_document_has_none(settings: Settings) -> None:
    engine = make_engine(replace(settings, step_timeout_s=1))
    run = finish(engine, engine.submit(workflow(step("train", SLEEP)), "l-1"))
    assert messages(run)["train"].startswith("it ran longer than its limit of 1 s")


def test_step_that_takes_too_much_memory(local_engine: Engine, settings: Settings) -> None:
    trained_with(settings, batch=64, imgsz=640, workers=8, cache="ram", lr0=0.1)
    document = workflow(limited(EAT, memory="128Mi"), parameters={"launch": "l-1"})
    run = finish(local_engine, local_engine.submit(document, "l-1"))
    assert run.state is State.FAILED
    assert messages(run)["train"].startswith(
        "it took more memory than its limit of 0.134218 GB with batch=64, imgsz=640, workers=8"
    )
    check_tidy(settings)
    record("a step that takes too much memory", "at its limit", seen(run), "it is killed")


def test_test_and_tune_say_what_they_tried_too(local_engine: Engine, settings: Settings) -> None:
    folder = run_folder(Volume(settings.volume), "l-1")
    trial = folder.trial_folders / "trial-001"
    trial.mkdir(parents=True)
    (trial / "args.yaml").write_text("batch: 32\nimgsz: 320\nlr0: 0.1\n")
    folder.step("test").mkdir()
    folder.test_attempt.write_text(json.dumps({"batch": 16, "imgsz": 1280, "workers": 4}))
    said = {}
    for name in ("test", "tune"):
        entry = {**limited(EAT, memory="128Mi"), "name": name}
        document = workflow(entry, parameters={"launch": "l-1"})
        run = finish(local_engine, local_engine.submit(document, f"l-{name}"))
        said[name] = messages(run)[name].removeprefix("it took more memory than its limit of ")
    assert said["test"].startswith("0.134218 GB with batch=16, imgsz=1280, workers=4. Retry the")
    assert said["tune"].startswith("0.134218 GB with batch=32, imgsz=320. Clone the run with a")


def test_memory_that_processes_share_counts_once(local_engine: Engine) -> None:
    document = workflow(limited(SHARE, memory="160Mi"))
    run = finish(local_engine, local_engine.submit(document, "l-1"))
    assert run.state is State.SUCCEEDED, run


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A control group whose processes the kernel ends when they hold more than 64 MiB."""
    own = make_group(None)
    if own:
        own.remove()
        pytest.skip("a step has a group of its own here, whose kills are known")
    base = Path("/sys/fs/cgroup")
    old = base / "memory"
    group = (old if old.is_dir() else base) / "slipway-test"
    limits = {"memory.limit_in_bytes" if old.is_dir() else "memory.max": str(64 << 20)}
    try:
        group.mkdir()
        for name, text in limits.items():
            (group / name).write_text(text)
    except OSError as reason:
        with suppress(OSError):
            group.rmdir()
        pytest.skip(f"control groups cannot be made here: {reason}")
    yield group
    group.rmdir()


def test_machine_that_has_no_memory_left(
    local_engine: Engine, settings: Settings, little_memory: Path
) -> None:
    trained_with(settings, batch=64, imgsz=640, workers=8)
    join = f"import os; open('{little_memory}/cgroup.procs', 'w').write(str(os.getpid()))\n"
    document = workflow(limited(join + EAT), parameters={"launch": "l-1"})
    run = finish(local_engine, local_engine.submit(document, "l-1"))
    # What the machine ended may have been anything: without a group of the step's own, only the
    # whole machine's count is known.
    assert messages(run)["train"].endswith(
        "probably it ran out of memory (RAM) with batch=64, imgsz=640, workers=8. Clone the run"
        " with a smaller batch, fewer workers, or cache=False."
    )
    check_tidy(settings)
    record("the machine out of memory", "during a training", seen(run), "a clone with less")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"activeDeadlineSeconds": "soon"}, "activeDeadlineSeconds is 'soon'"),
        ({"activeDeadlineSeconds": 0}, "activeDeadlineSeconds is '0'"),
        ({"memory": "much"}, "limits.memory is 'much'"),
    ],
)
def test_limit_that_is_none_is_refused(
    local_engine: Engine, change: dict[str, Any], named: str
) -> None:
    entry = limited("pass", **({"memory": change["memory"]} if "memory" in change else {}))
    entry.update({key: value for key, value in change.items() if key != "memory"})
    with pytest.raises(InputError, match=named):
        local_engine.submit(workflow(entry), "l-1")
