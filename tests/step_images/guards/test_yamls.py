"""What a yaml says is never run, whatever became of the file after it was checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.actions.installation import Installation
from pipeline.actions.launching.builds import plan_build
from pipeline.actions.launching.record import record
from pipeline.core.errors import InputError
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import run_folder
from tests.step_images.step_runner import StepRunner
from tests.step_images.yolo_runs import YoloRun, make_run

UID = "uid-1234-5678"


def evil(marker: Path) -> str:
    return f"__import__('pathlib').Path({str(marker)!r}).touch()"


@pytest.fixture
def step(volume: Path, tmp_path: Path) -> StepRunner:
    return StepRunner(volume, tmp_path)


@pytest.fixture
def run(volume: Path, state: Path) -> YoloRun:
    (state / "outputs").mkdir()
    return make_run(volume, state, {"epochs": 1})


def spoil(path: Path, marker: Path, change: str) -> None:
    """Make a sample model yaml one that would run or open something."""
    model = yaml.safe_load(path.read_text())
    if change == "activation":
        model["activation"] = evil(marker)
    elif change == "module":
        model["backbone"][1] = [-1, 1, "torch_safe_load", [str(marker)]]
    else:
        model["backbone"][1][3] = [evil(marker)]
    path.write_text(yaml.safe_dump(model, sort_keys=False))


CHANGES = ["activation", "module", "argument"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_build_without_a_record_refuses_the_yaml_and_runs_nothing(
    step: StepRunner, tmp_path: Path, change: str
) -> None:
    marker = tmp_path / "marker"
    spoil(step.volume / "yolov8-scratch.yaml", marker, change)
    said = step("build", model_name="yolov8n-scratch.yaml", run_uid=UID)
    assert said.returncode == 3, said.stdout + said.stderr
    assert not marker.exists()
    (finding,) = step.failure("build", UID)["findings"][:1]
    assert finding["code"] == f"model-{change}"
    assert finding["where"].startswith("yolov8-scratch.yaml:")


@pytest.mark.parametrize("change", CHANGES)
def test_a_build_refuses_a_recorded_yaml_that_was_changed_since(
    step: StepRunner, state: Path, tmp_path: Path, change: str
) -> None:
    marker = tmp_path / "marker"
    here = Installation(Settings(volume=step.volume, state=state))
    plan = plan_build(here, "yolov8n-scratch.yaml", 64)
    folder = run_folder(here.volume, plan.launch.id)
    record(here.volume, folder, plan, "")
    spoil(folder.path / "yolov8n-scratch.yaml", marker, change)
    said = step("build", model_name="yolov8n-scratch.yaml", run_uid=UID, launch=plan.launch.id)
    assert said.returncode == 3, said.stdout + said.stderr
    assert not marker.exists()
    failure = json.loads(folder.failure("build").read_text())
    assert [finding["code"] for finding in failure["findings"]] == [f"model-{change}"]
    assert failure["why"].startswith("yolov8-scratch.yaml:")
    assert not folder.built.exists()


@pytest.mark.parametrize("change", CHANGES)
def test_a_training_refuses_a_model_yaml_that_was_changed_after_verify(
    run: YoloRun, tmp_path: Path, change: str
) -> None:
    marker = tmp_path / "marker"
    spoil(run.folder.path / "yolov8n-scratch.yaml", marker, change)
    assert run.run("train") == 3, run.log("train")
    assert not marker.exists()
    failure = json.loads(run.folder.failure("train").read_text())
    assert [finding["code"] for finding in failure["findings"]] == [f"model-{change}"]
    assert failure["why"].startswith("yolov8n-scratch.yaml:")


@pytest.mark.parametrize("name", ["train", "test", "tune"])
def test_no_step_runs_what_a_data_yaml_got_after_verify(
    run: YoloRun, tmp_path: Path, name: str
) -> None:
    marker = tmp_path / "marker"
    data = yaml.safe_load(run.folder.verified_data.read_text())
    data |= {"val": "gone", "test": "gone", "download": f"open({str(marker)!r}, 'w').close()"}
    run.folder.verified_data.write_text(yaml.safe_dump(data))
    assert run.run(name) == 3, run.log(name)
    assert not marker.exists()
    (finding,) = json.loads(run.folder.failure(name).read_text())["findings"]
    assert finding["code"] == "data-download" and finding["where"].startswith("data.yaml:")


def test_verify_hands_on_a_data_yaml_without_its_download(step: StepRunner, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    path = step.volume / "data-custom.yaml"
    with path.open("a") as file:
        file.write(f"download: |\n  open({str(marker)!r}, 'w').close()\n")
    said = step.verify()
    assert said.returncode == 0, said.stdout + said.stderr
    assert "'download' is ignored" in said.stdout
    assert "download" not in yaml.safe_load(Path(step.output("data-yaml")).read_text())
    assert not marker.exists()


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a guard away when the test is over: other tests meet Ultralytics as it is."""
    from ultralytics.data import utils
    from ultralytics.engine import trainer, validator
    from ultralytics.nn import tasks

    monkeypatch.setattr(tasks, "parse_model", tasks.parse_model)
    for module in (utils, trainer, validator):
        monkeypatch.setattr(module, "check_det_dataset", module.check_det_dataset)


@pytest.fixture
def guarded(unguarded: None) -> None:
    """Guard Ultralytics as a step's process does."""
    from step_images.guards.yamls import guard_yamls

    guard_yamls()


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda marker: {"activation": evil(marker)}, "model activation"),
        (lambda marker: {"head": [[-1, 1, "Detect", ["nc", evil(marker)]]]}, "model head[0][3]"),
    ],
)
def test_a_model_made_from_what_a_checkpoint_holds_is_checked_too(
    sample_volume: Path, tmp_path: Path, change: Any, where: str
) -> None:
    from ultralytics.nn.tasks import DetectionModel

    held: Mapping[str, Any] = yaml.safe_load((sample_volume / "yolov8-scratch.yaml").read_text())
    marker = tmp_path / "marker"
    with pytest.raises(InputError) as caught:
        DetectionModel({**held, **change(marker)}, verbose=False)
    assert not marker.exists()
    assert caught.value.where == where and caught.value.findings


@pytest.mark.usefixtures("guarded")
def test_ultralytics_downloads_no_dataset_even_from_a_yaml_that_is_changed_late(
    sample_volume: Path, tmp_path: Path
) -> None:
    from ultralytics.engine.trainer import check_det_dataset

    marker = tmp_path / "marker"
    path = tmp_path / "data.yaml"
    data = yaml.safe_load((sample_volume / "data-custom.yaml").read_text())
    path.write_text(yaml.safe_dump({**data, "path": "/nowhere"}))
    with pytest.raises(FileNotFoundError):
        check_det_dataset(path)
    path.write_text(path.read_text() + f"download: open({str(marker)!r}, 'w')\n")
    with pytest.raises(InputError, match="download"):
        check_det_dataset(path)
    assert not marker.exists()


@pytest.mark.usefixtures("unguarded")
def test_a_trial_refuses_weights_whose_model_would_run_something(
    run: YoloRun, tmp_path: Path
) -> None:
    import torch
    from ultralytics.nn.tasks import DetectionModel

    from step_images.tune.trial import Setup, train_yolo

    marker, weights = tmp_path / "marker", tmp_path / "best.pt"
    model = DetectionModel(str(run.folder.path / "yolov8n-scratch.yaml"), nc=3, verbose=False)
    model.yaml["activation"] = evil(marker)
    model.args, model.task = {"task": "detect", "imgsz": 32}, "detect"
    torch.save({"model": model, "train_args": dict(model.args)}, weights)
    data = {"data": str(run.folder.verified_data), "epochs": 1, "imgsz": 32, "workers": 0}
    setup = Setup(str(tmp_path), str(weights), {**data, "plots": False}, "fitness")
    with pytest.raises(InputError, match="activation"):
        train_yolo(setup, tmp_path / "trial-1", {}, lambda _metrics, _is_last: False)
    assert not marker.exists()
