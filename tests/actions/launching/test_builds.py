from __future__ import annotations

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.builds import newest_build, plan_build
from pipeline.actions.launching.launches import submit, workflow_of
from pipeline.actions.runs.details import show
from pipeline.actions.runs.find import folder_of
from pipeline.core.files import write_json
from pipeline.core.states import State

MODEL = "yolov8n-scratch.yaml"


def test_a_model_is_built_without_cfg_and_data(here: Installation) -> None:
    for name in ("cfg-custom.yaml", "data-custom.yaml"):
        (here.settings.volume / name).unlink()
    plan = plan_build(here, MODEL, 96)
    assert plan.ok, plan.findings
    assert plan.findings == ()
    run = submit(here, plan)
    assert [step.name for step in run.steps] == ["volume-mount", "build", "notify"]
    folder = folder_of(here, run)
    assert sorted(path.name for path in folder.path.iterdir()) == [
        *("cfg.yaml", "launch.json", "workflow.yaml", MODEL)
    ]
    assert workflow_of(here.settings, plan.launch)["spec"]["templates"]
    assert show(here, run.id).build == {}


def test_the_answer_is_that_of_the_newest_run_of_the_same_model_and_size(
    here: Installation,
) -> None:
    first = submit(here, plan_build(here, MODEL, 96))
    second = submit(here, plan_build(here, MODEL, 96))
    other = submit(here, plan_build(here, MODEL, 64))
    launches = [other.launch, second.launch, first.launch]
    assert newest_build(here, launches, "yolov8s-scratch.yaml", 96) is None
    found = newest_build(here, launches, MODEL, 96)
    assert found and (found.launch, found.state) == (second.launch, State.PENDING)
    write_json(folder_of(here, second).built, {"layers": 3})
    found = newest_build(here, launches, MODEL, 96)
    assert found and (found.state, found.result) == (State.SUCCEEDED, {"layers": 3})
    why = {"error": "layer 2 is odd.", "why": "m.yaml:7", "next": "Correct it."}
    write_json(folder_of(here, other).failure("build"), why)
    found = newest_build(here, launches, MODEL, 64)
    assert found and (found.state, found.where) == (State.FAILED, "m.yaml:7")
    assert found.failure == "layer 2 is odd. Correct it."


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nc: 3\nscales:\n  n: [1, 2]\nbackbone: [[-1, 1, Conv, [8]]]\n", "model-scales"),
        ("backbone: [[-1, 1, Conv, [8]]]\n", "model-classes"),
        ("nc: many\nbackbone: [[-1, 1, Conv, [8]]]\n", "model-classes"),
    ],
)
def test_what_can_be_told_without_building_is_told_at_once(
    here: Installation, text: str, code: str
) -> None:
    (here.settings.volume / "m.yaml").write_text(f"{text}head: [[-1, 1, Detect, [nc]]]\n")
    plan = plan_build(here, "m.yaml", 96)
    assert not plan.ok
    assert [found.code for found in plan.findings if found.severity == "error"] == [code]


def test_an_image_size_that_is_none_is_refused(here: Installation) -> None:
    plan = plan_build(here, MODEL, -1)
    assert [finding.where for finding in plan.findings] == ["overrides.imgsz"]
