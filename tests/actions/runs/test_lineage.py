from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import prepare
from pipeline.actions.runs.lineage import Lineage, lineage
from pipeline.core.files import sha256_file
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.run_folder import RunFolder

WEIGHTS = "runs/before/train/weights/best.pt"


def recorded(here: Installation, model_path: str = "yolov8-scratch.yaml") -> RunFolder:
    volume = here.settings.volume
    folder = RunFolder(volume / "runs" / "now")
    files = {"model": model_path, "cfg": "cfg-custom.yaml", "data": "data-custom.yaml"}
    digests = {kind: sha256_file(volume / path) for kind, path in files.items()}
    choices = Choices(model=model_path)
    Launch(
        "now", choices, model_path, "kim", "2026-11-23T14:32:00Z", "0", digests, "f", "original"
    ).save(folder.launch)
    return folder


def found(here: Installation, folder: RunFolder) -> Lineage:
    origin = lineage(here, folder)
    assert origin is not None
    return origin


def test_a_run_without_a_record_has_no_lineage(here: Installation) -> None:
    assert lineage(here, RunFolder(here.settings.volume / "runs" / "unknown")) is None


def test_files_that_changed_or_went_since_the_launch_are_named(here: Installation) -> None:
    folder = recorded(here)
    (here.settings.volume / "cfg-custom.yaml").write_text("epochs: 7\n")
    (here.settings.volume / "data-custom.yaml").unlink()
    origin = found(here, folder)
    assert {entry.kind: entry.now for entry in origin.files} == {
        "model": "same",
        "cfg": "changed",
        "data": "gone",
    }
    assert origin.record.cloned_from == "original" and origin.model_run == ""


def test_weights_of_a_run_lead_back_to_it(here: Installation) -> None:
    weights = here.settings.volume / WEIGHTS
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    folder = recorded(here, WEIGHTS)
    origin = found(here, folder)
    assert origin.model_run == "before" and origin.files[0].now == ""
    weights.unlink()
    assert found(here, folder).files[0].now == "gone"


def test_a_label_that_changed_since_the_launch_is_noticed(here: Installation) -> None:
    plan = prepare(here, Choices(model="yolov8n-scratch.yaml"))
    folder = RunFolder(here.settings.volume / "runs" / plan.launch.id)
    plan.launch.save(folder.launch)
    assert found(here, folder).dataset_now == "same"
    label = next(here.settings.volume.rglob("labels/train/*.txt"))
    label.write_text("0 0.5 0.5 0.1 0.1\n")
    assert found(here, folder).dataset_now == "changed"
    (here.settings.volume / "data-custom.yaml").unlink()
    assert found(here, folder).dataset_now == "gone"
