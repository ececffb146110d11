from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import choices_of, command_line, prepare, workflow_of
from pipeline.actions.launching.record import record
from pipeline.actions.launching.spaces import parse_range, with_search
from pipeline.cli.arguments import choices_from, make_parser
from pipeline.core.errors import FileMissing, UsageError
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import load_launch
from pipeline.core.space.search_space import Dimension, load_space
from pipeline.core.space.text import is_inline, read_inline
from pipeline.core.states import State
from pipeline.core.volume.run_folder import run_folder
from pipeline.core.yamltext.file import load_yaml
from pipeline.engines.base import Run

TUNED = Choices(model="yolov8n-scratch.yaml", tune=True, overrides={"optimizer": "AdamW"})


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("lr0=1e-4..0.1:log", ("lr0", {"low": 1e-4, "high": 0.1, "scale": "log"})),
        ("lr0=0.001..0.1", ("lr0", {"low": 0.001, "high": 0.1})),
        ("close_mosaic=0..10:int", ("close_mosaic", {"low": 0, "high": 10, "scale": "int"})),
        ("optimizer=SGD|AdamW", ("optimizer", {"choices": ["SGD", "AdamW"]})),
        ("cos_lr=True|False", ("cos_lr", {"choices": [True, False]})),
        ("imgsz=320|640", ("imgsz", {"choices": [320, 640]})),
    ],
)
def test_a_range_is_read(text: str, entry: object) -> None:
    assert parse_range(text) == entry


@pytest.mark.parametrize("text", ["lr0", "lr0=", "=1..2", "lr0=0.1..0.2:cubic", "a b=1..2"])
def test_a_malformed_range_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError):
        parse_range(text)


def test_only_what_is_named_is_searched(here: Installation) -> None:
    choices = with_search(here, TUNED, ranges=["lr0=0.001..0.1:log", "box=5..10"], trials=7)
    space = load_space(read_inline(choices.tune_space))
    assert space.space == {"lr0": Dimension(0.001, 0.1, "log"), "box": Dimension(5, 10)}
    assert space.trials == 7
    more = with_search(here, choices, ranges=["epochs=2..4"])
    assert list(load_space(read_inline(more.tune_space)).space) == ["lr0", "box", "epochs"]


def test_a_preset_is_put_around_the_cfg(here: Installation) -> None:
    choices = with_search(here, TUNED, preset="loss weights")
    space = load_space(read_inline(choices.tune_space))
    assert set(space.space) == {"box", "cls", "dfl"} and space.space["box"].contains(7.5)
    with pytest.raises(UsageError, match="no preset"):
        with_search(here, TUNED, preset="luck")


def test_a_named_space_is_the_start(here: Installation) -> None:
    (here.settings.volume / "tune-a.yaml").write_text(
        "space: {box: {low: 5, high: 9}}\nparallel: 2\n"
    )
    named = replace(TUNED, tune_space="tune-a")
    document = read_inline(with_search(here, named, trials=3).tune_space).data
    assert document == {"space": {"box": {"low": 5, "high": 9}}, "parallel": 2, "trials": 3}
    with pytest.raises(FileMissing):
        with_search(here, replace(TUNED, cfg="none"), trials=3)


def test_the_space_is_frozen_with_the_launch_and_goes_with_the_workflow(
    here: Installation,
) -> None:
    choices = with_search(here, TUNED, ranges=["box=5..10"], trials=2)
    plan = prepare(here, choices)
    assert plan.ok, plan.findings
    workflow = workflow_of(here.settings, plan.launch)
    parameters = {p["name"]: p["value"] for p in workflow["spec"]["arguments"]["parameters"]}
    assert parameters["tune_space"] == choices.tune_space and is_inline(choices.tune_space)
    volume = here.volume
    folder = run_folder(volume, plan.launch.id)
    assert record(volume, folder, plan, "workflow")
    space = load_space(load_yaml(folder.tune_space))
    assert (space.space, space.trials) == ({"box": Dimension(5, 10)}, 2)
    assert load_launch(folder.launch).choices == choices
    assert "tune" not in load_launch(folder.launch).sha256
    run = Run("r", "uid", "", "local", State.FAILED, parameters=parameters)
    assert choices_of(here, run).tune_space == choices.tune_space
    words = shlex.split(command_line(choices))[1:]
    assert choices_from(make_parser().parse_args(words)) == choices


@pytest.mark.parametrize(
    ("space", "code"),
    [
        ('{"space": {"box": {"low": 9, "high": 5}}}', "tune-space"),
        ('{"space": {"optimizer": {"choices": ["SGD"]}}}', "fixed-and-searched"),
        ("[", "file-missing"),
        ("{space: [", "bad-file"),
    ],
)
def test_mistakes_in_the_space_stop_the_launch(here: Installation, space: str, code: str) -> None:
    plan = prepare(here, replace(TUNED, tune_space=space))
    assert not plan.ok
    errors = [(f.code, f.where.partition(":")[0]) for f in plan.findings if f.severity == "error"]
    assert errors == [(code, "tune_space")]
    off = prepare(here, replace(TUNED, tune=False, tune_space=space))
    assert off.ok and off.tune_text == ""
