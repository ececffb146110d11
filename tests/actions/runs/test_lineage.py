from pathlib import Path

import pytest

from pipeline.actions.launching.launches import prepare
from pipeline.actions.runs.lineage import Lineage, lineage
from pipeline.core.files import sha256_file
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder

WEIGHTS = "runs/before/train/weights/best.pt"


@pytest.fixture
def settings(volume: Path, state: Path) -> Settings:
    return Settings(volume, state)


def recorded(settings: Settings, model_path: str = "yolov8-scratch.yaml") -> RunFolder:
    volume = settings.volume
    folder = RunFolder(volume / "runs" / "now")
    files = {"model": model_path, "cfg": "cfg-custom.yaml", "data": "data-custom.yaml"}
    digests = {kind: sha256_file(volume / path) for kind, path in files.items()}
    choices = Choices(model=model_path)
    Launch(
        "now", choices, model_path, "kim", "2026-11-23T14:32:00Z", "0", digests, "f", "original"
    ).save(folder.launch)
    return folder


def found(settings: Settings, folder: RunFolder) -> Lineage:
    origin = lineage(settings, folder)
    assert origin is not None
    return origin


def test_a_run_without_a_record_has_no_lineage(settings: Settings) -> None:
    assert lineage(settings, RunFolder(settings.volume / "runs" / "unknown")) is None


def test_files_that_changed_or_went_since_the_launch_are_named(settings: Settings) -> None:
    folder = recorded(settings)
    (settings.volume / "cfg-custom.yaml").write_text("epochs: 7\n")
    (settings.volume / "data-custom.yaml").unlink()
    origin = found(settings, folder)
    assert {entry.kind: entry.now for entry in origin.files} == {
        "model": "same",
        "cfg": "changed",
        "data": "gone",
    }
    assert origin.record.cloned_from == "original" and origin.model_run == ""


def test_weights_of_a_run_lead_back_to_it(settings: Settings) -> None:
    weights = settings.volume / WEIGHTS
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    folder = recorded(settings, WEIGHTS)
    origin = found(settings, folder)
    assert origin.model_run == "before" and origin.files[0].now == ""
    weights.unlink()
    assert found(settings, folder).files[0].now == "gone"


def test_a_label_that_changed_since_the_launch_is_noticed(settings: Settings) -> None:
    plan = prepare(settings, Choices(model="yolov8n-scratch.yaml"))
    folder = RunFolder(settings.volume / "runs" / plan.launch.id)
    plan.launch.save(folder.launch)
    assert found(settings, folder).dataset_now == "same"
    label = next(settings.volume.rglob("labels/train/*.txt"))
    label.write_text("0 0.5 0.5 0.1 0.1\n")
    assert found(settings, folder).dataset_now == "changed"
    (settings.volume / "data-custom.yaml").unlink()
    assert found(settings, folder).dataset_now == "gone"
