from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import Plan, choices_of, command_line, prepare, submit
from pipeline.actions.launching.record import record as write_record
from pipeline.actions.runs import change
from pipeline.actions.runs.find import newest
from pipeline.cli.arguments import choices_from, make_parser
from pipeline.core.errors import InputError
from pipeline.core.files import sha256_file
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import load_launch
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume.run_folder import run_folder
from pipeline.engines.base import Run
from tests.fault_table import record
from tests.weights_files import sound_weights

SHAPES = Choices(model="yolov8n-scratch.yaml", overrides={"epochs": 1})


@pytest.fixture
def here(volume: Path, state: Path) -> Installation:
    return Installation(Settings(volume=volume, state=state, user="ann"))


def everything_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_preparing_keeps_nothing_but_what_it_read_of_the_dataset(here: Installation) -> None:
    before = everything_in(here.settings.volume)
    plan = prepare(here, SHAPES)
    assert plan.ok, plan.findings
    assert plan.launch.user == "ann"
    assert plan.launch.model_path == "yolov8-scratch.yaml"
    assert plan.model_name == "yolov8n-scratch.yaml"
    assert "backbone" in plan.model_text
    assert plan.cfg_before == (here.settings.volume / "cfg-custom.yaml").read_text()
    assert "+epochs: 1" in plan.cfg_diff
    assert plan.data_text == (here.settings.volume / "data-custom.yaml").read_text()
    assert plan.report is not None
    assert plan.launch.dataset_fingerprint == plan.report.fingerprint
    assert everything_in(here.settings.volume) == before
    assert [path.name for path in here.settings.state.iterdir()] == ["datasets"]


@pytest.mark.parametrize(
    "choices",
    [
        Choices(model="none"),
        Choices(model="../../etc/passwd", cfg="/etc/passwd", data="\0"),
        Choices(model="yolov8n-scratch.yaml", overrides={"epochs": "many", "nonsense": 1}),
        Choices(model="yolov8n-scratch.yaml", cfg="broken"),
    ],
)
def test_what_is_wrong_is_found_and_never_raised(here: Installation, choices: Choices) -> None:
    (here.settings.volume / "broken.yaml").write_text("epochs: [1\n")
    plan = prepare(here, choices)
    assert not plan.ok
    assert any(finding.severity == "error" for finding in plan.findings)
    assert set(plan.resolved) >= {"model_path", "cfg_yaml", "data_yaml"}


def test_a_plan_with_errors_is_not_submitted(here: Installation) -> None:
    plan = prepare(here, Choices(model="none"))
    with pytest.raises(InputError) as caught:
        submit(here, plan)
    assert caught.value.findings == plan.findings
    assert not (here.settings.volume / "runs").exists()


@pytest.mark.parametrize(
    "choices",
    [
        Choices(),
        SHAPES,
        Choices(
            model="가중치 1.pt",
            cfg="c's",
            data="d e",
            train=True,
            tune=True,
            overrides={
                "lr0": 1e-05,
                "cos_lr": True,
                "classes": [0, 2],
                "optimizer": "AdamW",
                "name": "1",
                "device": None,
            },
            experiment="other",
            name="night run",
            gpus=2,
            cpus=3,
            mem_gb=4,
            shm_size="2Gi",
            tune_space="tune-wide",
        ),
        Choices(train=False),
    ],
)
def test_the_command_line_says_the_same_choices(choices: Choices) -> None:
    words = shlex.split(command_line(choices))
    assert words[0] == "slipway"
    assert choices_from(make_parser().parse_args(words[1:])) == choices


def test_a_run_from_the_engines_own_ui_is_cloned_by_its_parameters(here: Installation) -> None:
    run = Run(
        id="r",
        uid="4c5b8a52-5d9c-4f0e-9a0c-0d5f0a1b2c3d",
        launch="",
        engine="local",
        state=State.FAILED,
        parameters={
            "model_name": "m.pt",
            "cfg": "c",
            "data": "d",
            "bool_train": "True",
            "bool_tune": "False",
            "overrides": '{"epochs": 3}',
            "experiment": "e",
        },
    )
    assert choices_of(here, run) == Choices(
        model="m.pt", cfg="c", data="d", overrides={"epochs": 3}, experiment="e"
    )


def test_a_parameter_that_was_left_empty_is_its_default_in_a_clone(here: Installation) -> None:
    empty = dict.fromkeys(("model_name", "cfg", "data", "experiment", "overrides"), "")
    parameters = {"bool_train": "True", **empty}
    run = Run("r", "uid-2", "", "kubeflow", State.SUCCEEDED, parameters=parameters)
    assert choices_of(here, run) == Choices()


def test_plans_of_the_same_choices_are_launches_of_their_own(here: Installation) -> None:
    plans: list[Plan] = [prepare(here, SHAPES) for _ in range(3)]
    assert len({plan.launch.id for plan in plans}) == 3


DIES = """
import os, signal, sys
from pathlib import Path
from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import prepare, submit
from pipeline.core.launch.choices import Choices
from pipeline.core.settings import Settings
from pipeline.engines.local.engine import LocalEngine
LocalEngine.submit = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
here = Installation(Settings(volume=Path(sys.argv[1]), state=Path(sys.argv[2]), user="ann"))
submit(here, prepare(here, Choices(model="yolov8n-scratch.yaml")))
"""


def test_a_launcher_that_dies_before_it_submits_leaves_a_launch_to_clone(
    here: Installation,
) -> None:
    command = [sys.executable, "-c", DIES, str(here.settings.volume), str(here.settings.state)]
    assert subprocess.run(command, timeout=120).returncode == -signal.SIGKILL
    run = newest(here).runs[0]
    assert (run.state, run.id) == (State.UNKNOWN, run.launch)
    assert choices_of(here, run) == Choices(model="yolov8n-scratch.yaml")
    assert change.delete(here, run.id).freed_bytes > 0
    record(
        "kill -9 of the dashboard, or of whatever launched",
        "between recording the launch and submitting it",
        f"{run.state.label}: {run.message}",
        "nothing was started; it can be cloned or deleted",
    )


def test_weights_that_settings_name_are_digested(here: Installation) -> None:
    (here.settings.volume / "teacher.pt").write_bytes(sound_weights())
    plan = prepare(here, replace(SHAPES, overrides={"distill_model": "teacher"}))
    assert plan.ok, plan.findings
    folder = run_folder(here.volume, plan.launch.id)
    assert write_record(here.volume, folder, plan, "workflow")
    digest = sha256_file(here.settings.volume / "teacher.pt")
    assert load_launch(folder.launch).sha256["distill_model"] == digest
