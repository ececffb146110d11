"""What the compiled document says, whoever runs it."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds.registry import KINDS
from pipeline.core.launch.kinds.steps import NOTIFY
from pipeline.core.settings import Settings
from pipeline.workflow.compile import compile_workflow
from pipeline.workflow.components import STEP_IMAGES
from pipeline.workflow.kinds.registry import STEPS_OF
from tests.workflow.compiled import (
    PROGRAMS,
    launch_of,
    parameters,
    tasks,
    templates,
)

GOLDEN = Path(__file__).parent / "golden" / "pipeline.yaml"
ANNOTATION = "pipelines.kubeflow.org/"
DISPLAY_NAMES = {
    "volume-mount": "Volume mount",
    "verify": "Verify",
    "distribution": "Data distribution",
    "plot": "Plot distribution",
    "train": "Train",
    "test": "Test",
    "tune": "Tune",
    "notify": "Notify",
}
DEFAULTS = {
    "model_name": "yolov8n.pt",
    "cfg": "cfg-custom",
    "data": "data-custom",
    "bool_train": "True",
    "bool_tune": "False",
    "launch": "",
    "overrides": "{}",
    "experiment": "slipway",
    "user": "",
    "tune_space": "",
}


def spec_inputs(workflow: dict[str, Any]) -> dict[str, Any]:
    spec = json.loads(workflow["metadata"]["annotations"][ANNOTATION + "pipeline_spec"])
    return {entry["name"]: entry for entry in spec["inputs"]}


def test_the_document_is_the_golden_one(workflow: dict[str, Any]) -> None:
    text = yaml.safe_dump(workflow, sort_keys=False, width=100)
    if os.environ.get("SLIPWAY_REGENERATE"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), "SLIPWAY_REGENERATE=1 writes it anew"


def test_parameters_keep_their_names_order_and_defaults(workflow: dict[str, Any]) -> None:
    assert list(parameters(workflow).items()) == list(DEFAULTS.items())
    inputs = spec_inputs(workflow)
    assert {name: entry["default"] for name, entry in inputs.items()} == DEFAULTS
    assert all(entry["optional"] for entry in inputs.values())


def test_the_document_says_the_same_each_time_and_nothing_of_this_machine(
    settings: Settings, workflow: dict[str, Any]
) -> None:
    again = compile_workflow(settings)
    assert yaml.safe_dump(again, sort_keys=False) == yaml.safe_dump(workflow, sort_keys=False)
    text = json.dumps(workflow)
    assert "compilation_time" not in text
    assert str(STEP_IMAGES.parent) not in text


def test_a_launch_that_only_tests_has_two_steps_and_a_split(settings: Settings) -> None:
    choices = Choices(model="best.pt", train=False, test_split="train")
    made = compile_workflow(settings, launch_of(choices))
    assert parameters(made)["split"] == "train"
    assert "bool_train" not in parameters(made)
    assert {name for name in templates(made) if name in PROGRAMS} == {"verify", "test"}
    test = templates(made)["test"]["container"]["args"]
    assert test[test.index("--split") + 1] == "{{inputs.parameters.split}}"


def test_a_launch_that_only_builds_has_one_step_and_no_data(settings: Settings) -> None:
    choices = Choices(
        model="yolov8n-x.yaml", cfg="", data="", train=False, build=True, overrides={"imgsz": 96}
    )
    made = compile_workflow(settings, launch_of(choices))
    assert list(parameters(made)) == ["model_name", "launch", "overrides", "experiment", "user"]
    assert json.loads(parameters(made)["overrides"]) == {"imgsz": 96}
    steps = {name for name in templates(made) if "container" in templates(made)[name]}
    assert steps == {"build", "notify"}
    assert templates(made)["build"]["container"]["image"] == settings.image_yolo


def test_the_whole_pipeline_lets_the_step_choose_the_split(workflow: dict[str, Any]) -> None:
    assert "--split" not in templates(workflow)["test"]["container"]["args"]


@pytest.mark.parametrize("step", PROGRAMS)
def test_data_is_the_claim_and_shm_is_memory(workflow: dict[str, Any], step: str) -> None:
    template = templates(workflow)[step]
    mounts = {entry["mountPath"]: entry["name"] for entry in template["container"]["volumeMounts"]}
    volumes = {entry["name"]: entry for entry in template["volumes"]}
    assert set(mounts) - {"/tmp/outputs"} == {"/data", "/dev/shm"}
    assert volumes[mounts["/data"]]["persistentVolumeClaim"] == {
        "claimName": "{{inputs.parameters.volume-mount-name}}"
    }
    assert volumes[mounts["/dev/shm"]]["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Gi"}
    given = {
        item["name"]: item["value"] for item in tasks(workflow)[step]["arguments"]["parameters"]
    }
    assert given["volume-mount-name"].endswith("volume-mount-name}}")


def test_the_claim_is_applied_under_its_own_name(workflow: dict[str, Any]) -> None:
    resource = templates(workflow)["volume-mount"]["resource"]
    claim = yaml.safe_load(resource["manifest"])
    assert resource["action"] == "apply"
    assert claim["metadata"]["name"] == "pvc-local-cocodata"
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "3Gi"}},
        "storageClassName": "train",
    }


def test_the_claim_follows_the_settings(settings: Settings) -> None:
    other = replace(
        settings,
        pvc_name="data",
        pvc_storage_class="nfs",
        pvc_access_mode="ReadWriteMany",
        pvc_size="1Ti",
    )
    claim = templates(compile_workflow(other))["volume-mount"]["resource"]["manifest"]
    document = yaml.safe_load(claim)
    assert document["metadata"]["name"] == "data"
    assert document["spec"]["accessModes"] == ["ReadWriteMany"]
    assert document["spec"]["storageClassName"] == "nfs"


@pytest.mark.parametrize(("name", "title"), DISPLAY_NAMES.items())
def test_display_names(workflow: dict[str, Any], name: str, title: str) -> None:
    annotations = templates(workflow)[name]["metadata"]["annotations"]
    assert annotations[ANNOTATION + "task_display_name"] == title


@pytest.mark.parametrize("step", [*PROGRAMS, "notify"])
def test_no_step_is_cached_and_each_knows_its_run(workflow: dict[str, Any], step: str) -> None:
    template = templates(workflow)[step]
    assert template["metadata"]["annotations"][ANNOTATION + "max_cache_staleness"] == "P0D"
    container = template["container"]
    assert container["command"] == ["python", "-m", f"step_images.{step}"]
    given = dict(zip(container["args"][::2], container["args"][1::2], strict=True))
    assert given["--launch"] == "{{inputs.parameters.launch}}"
    assert given["--run-uid"] == "{{workflow.uid}}"


def test_steps_run_in_order(workflow: dict[str, Any]) -> None:
    by_name = tasks(workflow)
    train = next(name for name in by_name if name.startswith("condition-train"))
    tune = next(name for name in by_name if name.startswith("condition-tune"))
    order = ["volume-mount", "verify", "distribution", "plot", train]
    for before, after in itertools.pairwise(order):
        assert before in by_name[after]["dependencies"], f"{after} does not wait for {before}"
    assert by_name["test"]["dependencies"] == ["train"]
    assert "test" in by_name[tune]["dependencies"]


def test_tuning_is_a_condition_inside_the_training(workflow: dict[str, Any]) -> None:
    by_name, documents = tasks(workflow), templates(workflow)
    train = next(name for name in by_name if name.startswith("condition-train"))
    tune = next(name for name in by_name if name.startswith("condition-tune"))
    assert by_name[train]["when"] == '"{{inputs.parameters.bool_train}}" == "True"'
    assert by_name[tune]["when"] == '"{{inputs.parameters.bool_tune}}" == "True"'
    inside = {entry["name"] for entry in documents[train]["dag"]["tasks"]}
    assert inside == {"train", "test", tune}
    assert [entry["name"] for entry in documents[tune]["dag"]["tasks"]] == ["tune"]


def test_the_exit_handler_wraps_everything_and_needs_no_volume(workflow: dict[str, Any]) -> None:
    assert workflow["spec"]["onExit"] == "notify"
    entry = templates(workflow)[workflow["spec"]["entrypoint"]]["dag"]["tasks"]
    assert [task["name"] for task in entry] == ["exit-handler-1"]
    wrapped = {task["name"] for task in templates(workflow)["exit-handler-1"]["dag"]["tasks"]}
    assert "volume-mount" in wrapped
    notify = templates(workflow)["notify"]
    assert "volumes" not in notify
    (secret,) = notify["container"]["env"]
    assert secret["valueFrom"]["secretKeyRef"]["optional"] is True


def test_a_launch_is_the_defaults(settings: Settings) -> None:
    choices = Choices(
        model="yolov8n-scratch.yaml",
        data="과일 데이터",
        train=False,
        overrides={"epochs": 2, "project": None},
        experiment="night",
        shm_size="2Gi",
    )
    workflow = compile_workflow(settings, launch_of(choices))
    given = parameters(workflow)
    assert list(given) == list(DEFAULTS)
    assert given["model_name"] == "yolov8n-scratch.yaml"
    assert given["data"] == "과일 데이터"
    assert given["bool_train"] == "False"
    assert json.loads(given["overrides"]) == {"epochs": 2, "project": None}
    assert given["launch"] == "20261123-1432-shapes-yolov8n-k3f9"
    assert given["user"] == "kim"
    assert {name: entry["default"] for name, entry in spec_inputs(workflow).items()} == given
    shm = [entry for entry in templates(workflow)["train"]["volumes"] if entry["name"] == "shm"]
    assert shm[0]["emptyDir"]["sizeLimit"] == "2Gi"


@pytest.mark.parametrize("step", [*PROGRAMS, "build", "notify"])
def test_anyone_can_load_a_component(step: str) -> None:
    from kfp.components import load_component_from_file

    factory = load_component_from_file(str(STEP_IMAGES / step / "component.yaml"))
    assert factory.component_spec.name == step
    container = factory.component_spec.implementation.container
    assert container.command == ["python", "-m", f"step_images.{step}"]
    assert container.image.startswith("slipway-")


def test_what_steps_hand_on_is_stored_without_a_tarball(workflow: dict[str, Any]) -> None:
    archives = {
        artifact["name"]: artifact.get("archive")
        for template in workflow["spec"]["templates"]
        for artifact in template.get("outputs", {}).get("artifacts", [])
    }
    assert archives["distribution-result_json"] == {"none": {}}
    assert archives["distribution-cls_names_json"] == {"none": {}}
    assert archives["mlpipeline-ui-metadata"] is None, "KFP reads these from a tarball"


def test_verify_takes_what_the_whole_pipeline_is_given() -> None:
    text = (STEP_IMAGES / "verify" / "component.yaml").read_text(encoding="utf-8")
    inputs = {entry["name"]: entry.get("default", "") for entry in yaml.safe_load(text)["inputs"]}
    needed = {"model_name": "", "cfg": "", "data": "", "run_uid": ""}
    assert inputs == {**DEFAULTS, **needed}


def test_each_kind_of_launch_has_its_steps_in_the_document(settings: Settings) -> None:
    assert STEPS_OF.keys() == KINDS.keys()
    for kind in KINDS.values():
        made = templates(compile_workflow(settings, launch_of(kind.defaults)))
        titles = {
            name: entry["metadata"]["annotations"][ANNOTATION + "task_display_name"]
            for name, entry in made.items()
            if "dag" not in entry
        }
        assert titles == {step.name: step.title for step in (*kind.steps, NOTIFY)}
