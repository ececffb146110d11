from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.builds import plan_build
from pipeline.actions.launching.record import record
from pipeline.core.errors import InputError
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import run_folder
from pipeline.core.yamltext.file import parse_yaml
from step_images.build.building import build
from tests.step_images.step_runner import StepRunner

UID = "uid-1234-5678"


@pytest.fixture
def step(volume: Path, tmp_path: Path) -> StepRunner:
    return StepRunner(volume, tmp_path)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_recorded_yaml_is_built_whatever_the_file_is_now(step: StepRunner, state: Path) -> None:
    here = Installation(Settings(volume=step.volume, state=state))
    plan = plan_build(here, "yolov8s-scratch.yaml", 50)
    assert plan.ok, plan.findings
    folder = run_folder(here.volume, plan.launch.id)
    record(here.volume, folder, plan, "")
    (step.volume / "yolov8-scratch.yaml").write_text("backbone: []\n")
    given = {"launch": plan.launch.id, "overrides": json.dumps({"imgsz": 50})}
    said = step("build", model_name="yolov8s-scratch.yaml", run_uid=UID, **given)
    assert said.returncode == 0, said.stdout + said.stderr
    built = json.loads(folder.built.read_text())
    assert (built["scale"], built["imgsz"], built["nc"], built["layers"]) == ("s", 64, 3, 129)
    assert built["parameters"] > 11e6 and built["gflops"] > 0 and built["forward_s"] > 0
    assert "It builds" in said.stdout


def test_without_a_record_the_file_on_the_volume_is_checked_and_built(step: StepRunner) -> None:
    said = step("build", model_name="yolov8n-scratch.yaml", run_uid=UID, overrides='{"imgsz": 32}')
    assert said.returncode == 0, said.stdout + said.stderr
    built = json.loads((step.volume / "runs" / UID / "build" / "build.json").read_text())
    assert (built["scale"], built["parameters"]) == ("n", 3_011_433)


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"model_name": "none.yaml"}, "model"),
        ({"model_name": "yolov8n-scratch.yaml", "overrides": "[1]"}, "overrides"),
        ({"model_name": "yolov8n-scratch.yaml", "overrides": '{"imgsz": [1]}'}, "overrides"),
    ],
)
def test_what_cannot_be_built_is_said(
    step: StepRunner, arguments: dict[str, str], where: str
) -> None:
    said = step("build", run_uid=UID, **arguments)
    assert said.returncode == 3
    assert step.failure("build", UID)["why"] == where
    assert "Traceback" not in said.stdout + said.stderr


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("Conv, [64", "Convv, [64", "there is no layer 'Convv'"),
        ("nn.Upsample, [null, 2, nearest]]\n  - [[-1, 6]", "nn.Up, []]\n  - [[-1, 6]", "'nn.Up'"),
        ("C2f, [512]]              # 12", "C2f, [word]]", "argument 'word'"),
        ("[[-1, 12], 1", "[[-1, 99], 1", "IndexError"),
        ("SPPF, [1024, 5]", "SPPF, [1024, 4]", "Sizes of tensors"),
        ("[[-1, 4], 1, Concat, [1]]", "[[-1, 4], 1, Concat, [7]]", "Dimension out of range"),
    ],
)
def test_a_layer_that_does_not_build_is_named_with_its_line(
    sample_volume: Path, tmp_path: Path, before: str, after: str, said: str
) -> None:
    text = (sample_volume / "yolov8-scratch.yaml").read_text().replace(before, after, 1)
    path = tmp_path / "yolov8n-scratch.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        build(parse_yaml(text, name="yolov8-scratch.yaml"), path, 32)
    lines = {line_of(text, row) for row in (after, after.partition("\n")[0])}
    assert caught.value.where in {f"yolov8-scratch.yaml:{line}" for line in lines}
    assert caught.value.next


def test_the_build_takes_the_scale_from_the_name(sample_volume: Path, tmp_path: Path) -> None:
    source = sample_volume / "yolov8-scratch.yaml"
    document = parse_yaml(source.read_text(), name="m.yaml")
    sizes = {}
    for name in ("yolov8n-m.yaml", "yolov8s-m.yaml", "mine.yaml"):
        shutil.copyfile(source, tmp_path / name)
        built = build(document, tmp_path / name, 32)
        sizes[name] = (built["scale"], built["parameters"])
    assert sizes["mine.yaml"] == sizes["yolov8n-m.yaml"] == ("n", 3_011_433)
    assert sizes["yolov8s-m.yaml"][0] == "s"
