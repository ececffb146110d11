"""A kind of launch that this test adds: nothing of a page, a command or an engine knows it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import command_line, prepare, submit
from pipeline.actions.runs.find import folder_of, record_of
from pipeline.cli.arguments import choices_from, make_parser
from pipeline.core.files import write_json
from pipeline.core.launch.choices import Choices, choice
from pipeline.core.launch.kinds import steps
from pipeline.core.launch.kinds.kind import LaunchKind, LaunchStep
from pipeline.core.launch.kinds.registry import KINDS
from pipeline.engines.base import Run
from pipeline.workflow import components
from pipeline.workflow.kinds.adding import Add, Given
from pipeline.workflow.kinds.registry import STEPS_OF
from tests.dashboard.pages import open_page


@dataclass(frozen=True)
class ExportChoices(Choices):
    export: str = choice("", "format of the file", metavar="FORMAT", parameter="format")
    half: bool = choice(False, "with half the precision", parameter="half")


EXPORT = LaunchStep("export", "Export", computes=True)
KIND = LaunchKind(
    name="export",
    pipeline="slipway-export",
    description="Write weights in another format.",
    parameters=("model", "export", "half", "launch", "user"),
    steps=(steps.VOLUME_MOUNT, EXPORT),
    defaults=ExportChoices(export="onnx"),
    switch="export",
    result="export",
    has_form=False,
)
COMPONENT = {
    "name": "export",
    "inputs": [{"name": name, "type": "String"} for name in ("model_name", "format", "run_uid")]
    + [{"name": "launch", "type": "String", "optional": True}],
    "implementation": {
        "container": {
            "image": "slipway-yolo:0.1.0",
            "command": ["python", "-m", "step_images.export"],
            "args": ["--format", {"inputValue": "format"}, "--model", {"inputValue": "model_name"}],
        }
    },
}


def add_steps(add: Add, given: Given) -> None:
    add(EXPORT, model_name=given["model_name"], format=given["format"])


@pytest.fixture(autouse=True)
def _export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the kind: a line in each registry, and a program of a step."""
    monkeypatch.setitem(KINDS, KIND.name, KIND)
    monkeypatch.setitem(STEPS_OF, KIND.name, add_steps)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "notify").symlink_to(components.STEP_IMAGES / "notify")
    (programs / "export").mkdir()
    (programs / "export" / "component.yaml").write_text(yaml.safe_dump(COMPONENT))
    monkeypatch.setattr(components, "STEP_IMAGES", programs)


def launched(here: Installation, *words: str) -> Run:
    plan = prepare(here, choices_from(make_parser().parse_args(["launch", *words])))
    assert plan.ok, plan.findings
    return submit(here, plan)


def run_page() -> None:
    from dashboard.views.run.page import render

    render()


def test_its_choices_are_options_and_the_printed_command_gives_them_back() -> None:
    words = ["--model", "yolov8n-scratch.yaml", "--export", "onnx", "--half"]
    choices = choices_from(make_parser().parse_args(["launch", *words]))
    assert choices == ExportChoices(model="yolov8n-scratch.yaml", export="onnx", half=True)
    printed = shlex.split(command_line(choices))[1:]
    assert choices_from(make_parser().parse_args(printed)) == choices


def test_an_option_of_it_means_nothing_to_another_kind() -> None:
    from pipeline.core.errors import UsageError

    with pytest.raises(UsageError, match="--half means nothing to a launch of kind 'train'"):
        choices_from(make_parser().parse_args(["launch", "--half"]))


def test_it_is_recorded_and_compiled_with_its_one_step(here: Installation) -> None:
    run = launched(here, "--model", "yolov8n-scratch.yaml", "--export", "onnx")
    assert [step.name for step in run.steps] == ["volume-mount", "export", "notify"]
    folder = folder_of(here, run)
    record = record_of(folder)
    assert record is not None
    assert record.choices == ExportChoices(model="yolov8n-scratch.yaml", export="onnx")
    spec = yaml.safe_load(folder.workflow.read_text())["spec"]
    asked = {entry["name"]: entry["value"] for entry in spec["arguments"]["parameters"]}
    assert asked == {
        "model_name": "yolov8n-scratch.yaml",
        "format": "onnx",
        "half": "False",
        "launch": run.launch,
        "user": "kim",
    }


def test_the_page_of_its_run_shows_its_step_and_what_it_found_out(here: Installation) -> None:
    run = launched(here, "--model", "yolov8n-scratch.yaml", "--export", "onnx")
    write_json(folder_of(here, run).result("export"), {"format": "onnx", "bytes": 7})
    page = open_page(run_page, run=run.id)
    assert {"format": "onnx", "bytes": "7"}.items() <= {
        metric.label: metric.value for metric in page.metric
    }.items()
    drawn = "".join(part.proto.body for part in page.get("html"))
    assert all(step.name in drawn for step in KIND.steps)
    assert "Clone and edit" not in [button.label for button in page.button]
