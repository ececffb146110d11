"""Verify: what it lets through, what it refuses, and what it leaves for the next steps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipeline.core.files import sha256_file
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch, load_launch
from tests.step_images.step_runner import StepRunner
from tests.weights_files import evil_weights, sound_weights

UID = "uid-1234-5678"
LAUNCH = "20261123-1432-shapes-yolov8n-k3f9"


@pytest.fixture
def steps(volume: Path, tmp_path: Path) -> StepRunner:
    return StepRunner(volume, tmp_path / "outputs")


def record(volume: Path, *, overrides: dict[str, object] | None = None) -> Path:
    """Record a launch as the dashboard does."""
    folder = volume / "runs" / LAUNCH
    folder.mkdir(parents=True)
    files = {
        "model": ("yolov8-scratch.yaml", "yolov8n-scratch.yaml"),
        "cfg": ("cfg-custom.yaml", "cfg.yaml"),
        "data": ("data-custom.yaml", "data.yaml"),
    }
    for original, copy in files.values():
        (folder / copy).write_bytes((volume / original).read_bytes())
    Launch(
        id=LAUNCH,
        choices=Choices(model="yolov8n-scratch.yaml", overrides=overrides or {}),
        model_path="yolov8-scratch.yaml",
        user="kim",
        created_at="2026-11-23T14:32:00.000Z",
        code_version="0.1.0",
        sha256={kind: sha256_file(volume / original) for kind, (original, _) in files.items()},
    ).save(folder / "launch.json")
    return folder


def test_an_uploaded_pipeline_records_its_own_launch(steps: StepRunner) -> None:
    done = steps.verify(overrides='{"epochs": 2}', user="lee", bool_tune="True")
    assert done.returncode == 0, done.stdout
    folder = steps.volume / "runs" / UID
    assert steps.output("model-path") == str(folder / "yolov8n-scratch.yaml")
    assert steps.output("cfg-yaml") == str(folder / "cfg.yaml")
    assert steps.output("data-yaml") == str(folder / "verify" / "data.yaml")
    assert yaml.safe_load((folder / "cfg.yaml").read_text(encoding="utf-8"))["epochs"] == 2
    assert (folder / "owner").read_text(encoding="utf-8") == UID
    launch = load_launch(folder / "launch.json")
    assert (launch.user, launch.choices.tune, launch.choices.overrides) == (
        "lee",
        True,
        {"epochs": 2},
    )
    assert set(launch.sha256) == {"model", "cfg", "data"}


def test_an_uploaded_pipeline_can_carry_its_search_space(steps: StepRunner) -> None:
    space = '{"space": {"box": {"low": 5, "high": 9}}, "trials": 2}'
    done = steps.verify(bool_tune="True", tune_space=space)
    assert done.returncode == 0, done.stdout
    folder = steps.volume / "runs" / UID
    written = yaml.safe_load((folder / "tune.yaml").read_text(encoding="utf-8"))
    assert written == {"space": {"box": {"low": 5, "high": 9}}, "trials": 2}
    assert steps.verify(bool_tune="True", tune_space=space).returncode == 0, "a retry"
    wrong = steps.verify(bool_tune="True", tune_space=space.replace("9", "3"), run_uid="other")
    assert wrong.returncode == 3 and "not below high" in wrong.stdout


def test_tuning_without_training_does_nothing_and_says_so(steps: StepRunner) -> None:
    done = steps.verify(bool_train="False", bool_tune="True")
    assert done.returncode == 0, done.stdout
    assert "bool_tune does nothing" in done.stdout
    assert not load_launch(steps.volume / "runs" / UID / "launch.json").choices.tune


def test_paths_in_the_verified_data_are_absolute(steps: StepRunner) -> None:
    steps.verify()
    data = yaml.safe_load(Path(steps.output("data-yaml")).read_text(encoding="utf-8"))
    for split in ("train", "val", "test"):
        assert Path(data[split]).is_absolute()
        assert Path(data[split]).exists()


def test_sizes_and_times_of_the_images_are_recorded(steps: StepRunner) -> None:
    assert steps.verify().returncode == 0
    found = json.loads((steps.volume / "runs" / UID / "verify" / "images.json").read_text())
    files = [path for path in steps.volume.glob("datasets/*/images/**/*") if path.is_file()]
    assert found["images"] == len(files)
    assert found["bytes"] == sum(path.stat().st_size for path in files)
    assert len(found["sizes"]) == len(found["times"]) == 40


def test_weights_are_used_where_they_lie(steps: StepRunner) -> None:
    (steps.volume / "weights").mkdir()
    (steps.volume / "weights" / "mine.pt").write_bytes(sound_weights())
    steps.verify(model_name="mine")
    assert steps.output("model-path") == str(steps.volume / "weights" / "mine.pt")


def test_weights_that_would_run_code_end_the_run_unless_they_are_allowed(
    steps: StepRunner,
) -> None:
    mark = steps.volume / "mark"
    (steps.volume / "mine.pt").write_bytes(evil_weights(mark))
    done = steps.verify(model_name="mine")
    assert done.returncode == 3 and "posix.mkdir" in done.stdout
    assert steps.failure("verify")["findings"][0]["code"] == "weights-foreign-code"
    steps.variables["SLIPWAY_WEIGHTS_ALLOW"] = "posix.mkdir"
    assert steps.verify(model_name="mine").returncode == 0
    assert not mark.exists()


@pytest.mark.parametrize("spelling", ["true", "FALSE", "1", "yes", ""])
@pytest.mark.parametrize("flag", ["bool_train", "bool_tune"])
def test_only_two_spellings_of_a_flag(steps: StepRunner, flag: str, spelling: str) -> None:
    done = steps.verify(**{flag: spelling})
    assert done.returncode == 3
    assert f"{flag} is '{spelling}'" in done.stdout.splitlines()[-1]
    assert steps.failure("verify")["findings"][0]["code"] == "flag-spelling"


@pytest.mark.parametrize("overrides", ["[1]", "{", "null", "epochs=3"])
def test_overrides_that_are_no_object(steps: StepRunner, overrides: str) -> None:
    done = steps.verify(overrides=overrides)
    assert done.returncode == 3
    assert "the parameter overrides is" in done.stdout


def test_all_mistakes_are_told_at_once(steps: StepRunner) -> None:
    done = steps.verify(model_name="nothing.pt", bool_train="true", overrides='{"epoch": 2}')
    assert done.returncode == 3
    text = done.stdout
    assert "bool_train" in text
    assert "nothing.pt" in text
    assert "epoch" in text
    assert "Traceback" not in text + done.stderr
    assert len(steps.failure("verify")["findings"]) >= 3
    assert "more errors" in text.splitlines()[-1]


def test_images_are_opened(steps: StepRunner) -> None:
    data = yaml.safe_load((steps.volume / "data-custom.yaml").read_text(encoding="utf-8"))
    image = next(
        path for path in sorted((steps.volume / "datasets").rglob("*.*g")) if "train" in str(path)
    )
    image.write_bytes(b"no image")
    done = steps.verify()
    assert image.name in done.stdout, data


def test_a_recorded_launch_is_used_as_it_is(steps: StepRunner) -> None:
    folder = record(steps.volume)
    before = (folder / "launch.json").read_bytes()
    assert steps.verify(launch=LAUNCH).returncode == 0
    assert steps.output("model-path") == str(folder / "yolov8n-scratch.yaml")
    assert (folder / "launch.json").read_bytes() == before


def test_files_edited_after_the_launch_do_not_change_it(steps: StepRunner) -> None:
    folder = record(steps.volume)
    (steps.volume / "cfg-custom.yaml").write_text("epochs: no number\n", encoding="utf-8")
    (steps.volume / "data-custom.yaml").write_text("train: gone\n", encoding="utf-8")
    (steps.volume / "yolov8-scratch.yaml").unlink()
    done = steps.verify(launch=LAUNCH)
    assert done.returncode == 0, done.stdout
    assert "no number" not in (folder / "cfg.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load((folder / "verify" / "data.yaml").read_text(encoding="utf-8"))
    assert Path(data["train"]).exists()


def test_a_volume_without_the_launch_is_not_the_dashboards(steps: StepRunner) -> None:
    done = steps.verify(launch=LAUNCH)
    assert done.returncode == 3
    assert "this volume is not the dashboard's" in done.stdout.splitlines()[-1]
    assert steps.verify(launch=LAUNCH).returncode == 3, "a retry must not believe its own folder"


def test_a_second_run_of_a_launch_records_itself(steps: StepRunner) -> None:
    record(steps.volume)
    assert steps.verify(launch=LAUNCH).returncode == 0
    done = steps.verify(launch=LAUNCH, run_uid="other-uid", overrides='{"epochs": 3}')
    assert done.returncode == 0, done.stdout
    other = load_launch(steps.volume / "runs" / f"{LAUNCH}-other-ui" / "launch.json")
    assert other.choices.overrides == {"epochs": 3}


def test_verify_repeats_safely(steps: StepRunner) -> None:
    steps.verify(overrides='{"epochs": 2}')
    first = json.loads((steps.volume / "runs" / UID / "launch.json").read_text(encoding="utf-8"))
    assert steps.verify(overrides='{"epochs": 2}').returncode == 0
    again = json.loads((steps.volume / "runs" / UID / "launch.json").read_text(encoding="utf-8"))
    assert first == again


def test_a_name_cannot_leave_the_volume(steps: StepRunner) -> None:
    done = steps.verify(cfg="../../etc/passwd")
    assert done.returncode == 3
    assert "leads out of the volume" in done.stdout


@pytest.mark.parametrize(
    "value", ["http://127.0.0.1:9/evil.pt", "/etc/passwd", "../x.pt", "gone.pt", "yolov8n.pt"]
)
@pytest.mark.parametrize("key", ["pretrained", "distill_model"])
def test_weights_that_an_uploaded_pipeline_names_elsewhere_are_refused(
    steps: StepRunner, key: str, value: str
) -> None:
    done = steps.verify(overrides=json.dumps({key: value}))
    assert done.returncode == 3, done.stdout
    (finding,) = steps.failure("verify")["findings"]
    assert finding["where"] == f"overrides.{key}"
    assert not (steps.volume / "runs" / UID / "launch.json").exists()


def test_weights_that_settings_name_are_digested_and_a_change_is_said(steps: StepRunner) -> None:
    weights = steps.volume / "weights"
    weights.mkdir(exist_ok=True)
    teacher = weights / "teacher.pt"
    teacher.write_bytes(sound_weights())
    overrides = json.dumps({"distill_model": "teacher"})
    done = steps.verify(overrides=overrides)
    assert done.returncode == 0, done.stdout
    launch = load_launch(steps.volume / "runs" / UID / "launch.json")
    assert launch.sha256["distill_model"] == sha256_file(teacher)
    teacher.write_bytes(sound_weights(5_000))
    again = steps.verify(overrides=overrides)
    assert again.returncode == 0, again.stdout
    assert "weights/teacher.pt is not the file that it was at launch" in again.stdout
