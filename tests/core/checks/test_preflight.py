from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.checks.preflight import Preflight, preflight
from pipeline.core.checks.resources import quantity_bytes
from pipeline.core.launch.choices import Choices
from pipeline.core.volume.paths import Volume
from tests.weights_files import evil_weights, legacy, sound_weights

GOOD = Choices(model="yolov8n-scratch.yaml")


def check(volume: Path, gpus: int | None = None, **changes: Any) -> Preflight:
    return preflight(Volume(volume), replace(GOOD, **changes), gpus=gpus)


def found(result: Preflight, code: str) -> tuple[str, str]:
    (finding,) = [finding for finding in result.findings if finding.code == code]
    return finding.severity, finding.where


def test_the_sample_is_ready(sample_volume: Path) -> None:
    result = check(sample_volume)
    assert result.ok
    assert [finding for finding in result.findings if finding.severity == "warning"] == []
    assert result.resolved == {
        "model_path": "yolov8-scratch.yaml",
        "cfg_yaml": "cfg-custom.yaml",
        "data_yaml": "data-custom.yaml",
    }
    assert result.scale == "n"
    assert result.report is not None and result.report.names[0] == "circle"
    assert json.loads(json.dumps(result.as_dict()))["ok"] is True


def test_a_tuning_of_the_sample_is_ready(sample_volume: Path) -> None:
    result = check(sample_volume, tune=True, tune_space="tune-custom")
    assert result.ok
    assert result.resolved["tune_yaml"] == "tune-custom.yaml"


def test_everything_wrong_is_said_at_once(sample_volume: Path) -> None:
    result = preflight(
        Volume(sample_volume),
        Choices(
            model="../yolov8n.pt",
            cfg="nothing",
            data="/etc/passwd",
            train=False,
            tune=True,
            tune_space="tune-none",
            overrides={"epoch": 3, "lr0": "fast", "project": "mine"},
            experiment=" ",
            name="two\nlines",
            gpus=2,
            cpus=-1,
            shm_size="1GB",
        ),
        gpus=0,
    )
    errors = {(f.code, f.where) for f in result.findings if f.severity == "error"}
    assert errors == {
        ("unsafe-path", "model"),
        ("file-missing", "cfg"),
        ("unsafe-path", "data"),
        ("file-missing", "tune_space"),
        ("unknown-setting", "overrides.epoch"),
        ("setting-type", "overrides.lr0"),
        ("setting-owned", "overrides.project"),
        ("tune-without-train", "tune"),
        ("experiment-name", "experiment"),
        ("name-name", "name"),
        ("gpu-missing", "gpus"),
        ("resources", "cpus"),
        ("shm-size", "shm_size"),
    }
    assert result.resolved == {}
    assert not result.ok
    assert [f.severity for f in result.findings][: len(errors)] == ["error"] * len(errors)


def test_mistakes_of_the_cfg_file_come_with_its_line(volume: Path) -> None:
    (volume / "cfg-bad.yaml").write_text("epochs: 3\nlr: 0.1\n")
    assert found(check(volume, cfg="cfg-bad"), "unknown-setting") == ("error", "cfg-bad.yaml:2")


@pytest.mark.parametrize(
    "content",
    ["a: [\n", "- 1\n", "epochs: !!python/object/apply:os.system [ls]\n", "a: 1\na: 2\n",
     "x: &x [1]\ny: &y [*x,*x,*x,*x,*x,*x,*x,*x,*x]\n" + "".join(
         f"z{i}: &z{i} [{','.join(['*' + (f'z{i - 1}' if i else 'y')] * 9)}]\n" for i in range(8)),
     "\x00"],
)  # fmt: skip
@pytest.mark.parametrize("field", ["cfg", "data", "model"])
def test_a_broken_file_is_a_finding(volume: Path, field: str, content: str) -> None:
    (volume / "broken.yaml").write_text(content)
    result = check(volume, **{field: "broken.yaml"})
    assert not result.ok
    assert any(f.where.startswith("broken.yaml") for f in result.findings if f.severity == "error")


@pytest.mark.parametrize("field", ["cfg", "data", "model", "tune_space"])
def test_what_is_no_plain_file_is_a_finding(volume: Path, field: str) -> None:
    os.mkfifo(volume / "pipe.yaml")
    (volume / "folder.yaml").mkdir()
    (volume / "device.yaml").symlink_to("/dev/zero")
    (volume / "latin.yaml").write_bytes(b"\xe4")
    for name in ("pipe.yaml", "folder.yaml", "device.yaml", "latin.yaml", "x" * 300, "a\0b", ""):
        changes: dict[str, Any] = {field: name}
        result = check(volume, tune=True, **changes)
        assert not result.ok or (field == "tune_space" and not name)


def test_a_model_for_another_task_is_an_error(volume: Path) -> None:
    text = (volume / "yolov8-scratch.yaml").read_text()
    (volume / "yolov8-seg.yaml").write_text(text.replace("Detect, [nc]", "Segment, [nc, 32, 256]"))
    severity, where = found(check(volume, model="yolov8n-seg.yaml"), "model-task")
    assert severity == "error" and where.startswith("yolov8-seg.yaml:")


def test_a_model_yaml_without_scale_in_its_name_gets_the_first(volume: Path) -> None:
    result = check(volume, model="yolov8-scratch.yaml")
    assert result.scale == "n"
    assert found(result, "first-scale") == ("info", "model")


def test_other_class_counts_in_the_model_are_only_told(volume: Path) -> None:
    text = (volume / "yolov8-scratch.yaml").read_text()
    (volume / "yolov9-scratch.yaml").write_text(
        "\n".join("nc: 80" if line.startswith("nc:") else line for line in text.splitlines())
    )
    assert found(check(volume, model="yolov9n-scratch.yaml"), "model-nc")[0] == "info"


def test_weights_are_read_but_not_loaded(volume: Path) -> None:
    (volume / "weights").mkdir()
    (volume / "weights" / "good.pt").write_bytes(sound_weights())
    (volume / "old.pt").write_bytes(legacy(b"}."))
    (volume / "page.pt").write_bytes(b"<!DOCTYPE html>" * 1000)
    (volume / "pointer.pt").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    (volume / "bad.pt").write_bytes(b"PK\x03\x04 no checkpoint" * 1000)
    (volume / "tiny.pt").write_bytes(b"PK\x03\x04")
    (volume / "empty.pt").touch()
    (volume / "evil.pt").write_bytes(evil_weights(volume / "mark"))
    result = check(volume, model="good")
    assert result.ok and result.resolved["model_path"] == "weights/good.pt"
    assert check(volume, model="old").ok
    for name in ("page", "pointer", "bad", "tiny"):
        assert found(check(volume, model=name), "not-weights") == ("error", "model")
    assert found(check(volume, model="empty"), "model-empty") == ("error", "model")
    assert found(check(volume, model="evil"), "weights-foreign-code") == ("error", "model")
    allowed = preflight(Volume(volume), replace(GOOD, model="evil"), weights_allow=["posix.mkdir"])
    assert allowed.ok and not (volume / "mark").exists()


@pytest.mark.parametrize("key", ["pretrained", "distill_model"])
def test_weights_that_a_setting_names_are_read_too(volume: Path, key: str) -> None:
    (volume / "evil.pt").write_bytes(evil_weights(volume / "mark"))
    result = check(volume, overrides={key: "evil.pt"})
    assert found(result, "weights-foreign-code") == ("error", f"overrides.{key}")
    cfg = volume / "cfg-custom.yaml"
    before = cfg.read_text()
    cfg.write_text(f"{before}{key}: evil.pt\n")
    line = len(before.splitlines()) + 1
    assert found(check(volume), "weights-foreign-code") == ("error", f"cfg-custom.yaml:{line}")
    cfg.write_text(before)
    (volume / "tune-mine.yaml").write_text(f"space:\n  {key}: {{choices: [evil.pt]}}\n")
    assert found(check(volume, tune=True, tune_space="tune-mine"), "weights-foreign-code") == (
        "error",
        "tune-mine.yaml:2",
    )


def test_data_without_a_test_split_is_a_warning(volume: Path) -> None:
    path = volume / "data-custom.yaml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("test:")]
    path.write_text("\n".join(kept) + "\n")
    result = check(volume)
    assert found(result, "no-test-split") == ("warning", "data")
    assert found(check(volume, overrides={"split": "test"}), "split-not-there")[0] == "error"


def test_classes_that_the_data_does_not_have_are_an_error(sample_volume: Path) -> None:
    result = check(sample_volume, overrides={"classes": [0, 7]})
    assert found(result, "class-missing") == ("error", "cfg")
    assert check(sample_volume, overrides={"classes": [0]}).ok


def test_a_test_of_weights_needs_weights_and_a_split(volume: Path) -> None:
    result = check(volume, train=True, test_split="holdout")
    assert found(result, "test-trains") == ("error", "train")
    assert found(result, "test-weights") == ("error", "model")
    assert found(result, "split-not-there") == ("error", "test_split")
    (volume / "best.pt").write_bytes(sound_weights())
    result = check(volume, model="best.pt", train=False, test_split="val", overrides={"iou": 0.6})
    assert result.ok
    assert not any(entry.code == "overrides-unused" for entry in result.findings)


def test_a_split_of_another_type_is_a_finding(sample_volume: Path) -> None:
    result = check(sample_volume, overrides={"split": ["val"]})
    assert found(result, "setting-type") == ("error", "overrides.split")


@pytest.mark.parametrize("key", ["batch", "epochs", "workers", "imgsz", "fraction", "lr0", "scale"])
@pytest.mark.parametrize("value", [10**19, 10**400, [10**400, 1], "x", [], [[]], {}])
def test_values_that_nobody_can_calculate_with_are_errors(
    sample_volume: Path, key: str, value: Any
) -> None:
    assert not check(sample_volume, tune=True, overrides={key: value}).ok


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_volume_that_cannot_be_written_is_an_error(volume: Path) -> None:
    volume.chmod(0o500)
    assert found(check(volume), "volume-read-only")[0] == "error"


def test_gpus_are_compared_only_when_known(sample_volume: Path) -> None:
    assert check(sample_volume, gpus=None).ok
    asked = Choices(model=GOOD.model, gpus=1)
    assert preflight(Volume(sample_volume), asked).ok
    assert preflight(Volume(sample_volume), asked, gpus=1).ok
    assert found(preflight(Volume(sample_volume), asked, gpus=0), "gpu-missing")[0] == "error"


def test_little_shared_memory_is_a_warning(sample_volume: Path) -> None:
    big = {"batch": 64, "imgsz": 1280, "workers": 8}
    assert found(check(sample_volume, overrides=big), "shm-small") == ("warning", "shm_size")
    assert check(sample_volume, overrides=big | {"workers": 0}).findings == []


@pytest.mark.parametrize(
    ("cache", "imgsz", "mem_gb", "is_over"),
    [
        ("ram", 8192, 1, True),
        (True, 8192, 1, True),
        (True, 8192, 0, False),
        (True, 64, 1, False),
        ("disk", 8192, 1, False),
        (False, 8192, 1, False),
    ],
)
def test_images_that_are_kept_in_memory_need_it(
    sample_volume: Path, cache: str | bool, imgsz: int, mem_gb: int, is_over: bool
) -> None:
    result = check(sample_volume, mem_gb=mem_gb, overrides={"cache": cache, "imgsz": imgsz})
    said = [entry for entry in result.findings if entry.code == "cache-over-memory"]
    assert [entry.severity for entry in said] == ["warning"] * is_over
    if is_over:
        assert "8192 px" in said[0].message and said[0].next.startswith("Ask for ")


@pytest.mark.parametrize(
    ("overrides", "is_refused"),
    [({"imgsz": 32, "batch": 8}, True), ({"imgsz": 33, "batch": 8}, False),
     ({"imgsz": 32, "batch": 5}, False), ({"imgsz": 32, "batch": 1}, True),
     ({"imgsz": 64, "batch": 8}, False), ({"imgsz": 64, "batch": 8, "multi_scale": 0.5}, True),
     ({"imgsz": [32, 20], "batch": -1}, True), ({"imgsz": 32, "batch": 8, "compile": True}, False),
     ({"imgsz": 32, "batch": 8, "fraction": 0.6}, False), ({"imgsz": 32, "fraction": 0.01}, True),
     ({"imgsz": 32, "batch": 4, "fraction": 9}, True)],
)  # fmt: skip
def test_a_last_batch_of_one_small_image_is_an_error(
    sample_volume: Path, overrides: dict[str, Any], is_refused: bool
) -> None:
    """The sample has 17 images to train on; Ultralytics refuses these very settings."""
    result = check(sample_volume, overrides=overrides)
    if is_refused:
        assert found(result, "last-batch") == ("error", "batch")
        assert check(sample_volume, train=False, overrides=overrides).ok
    else:
        assert result.ok


def test_a_batch_size_without_a_lone_image_is_named(sample_volume: Path) -> None:
    (finding,) = check(sample_volume, overrides={"imgsz": 32, "batch": 8}).findings
    assert finding.next == "Use batch=9 or imgsz=64 or more."


def test_a_setting_both_fixed_and_searched_is_an_error(sample_volume: Path) -> None:
    result = check(sample_volume, tune=True, tune_space="tune-custom", overrides={"scale": 0.2})
    assert found(result, "fixed-and-searched")[0] == "error"


def test_what_is_not_used_is_told(sample_volume: Path) -> None:
    result = check(sample_volume, train=False, overrides={"epochs": 3}, tune_space="tune-custom")
    assert result.ok
    assert found(result, "space-unused")[0] == found(result, "overrides-unused")[0] == "info"


def test_a_volume_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    assert found(check(tmp_path / "none"), "volume")[0] == "error"


@pytest.mark.parametrize(
    ("text", "size"),
    [("1Gi", 2**30), ("512Mi", 2**29), ("1.5G", 1_500_000_000), ("100", 100), ("1GB", None),
     ("", None), ("-1Gi", None), ("Gi", None), ("1 Gi", None), ("1Gi\n", None)],
)  # fmt: skip
def test_sizes_are_kubernetes_quantities(text: str, size: int | None) -> None:
    assert quantity_bytes(text) == size


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(
    st.text(max_size=30), st.text(max_size=30), st.text(max_size=30),
    st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=5)),
)  # fmt: skip
def test_whatever_is_typed_gives_findings(
    sample_volume: Path, model: str, cfg: str, shm: str, overrides: dict[str, Any]
) -> None:
    choices = Choices(model=model, cfg=cfg, data=cfg, shm_size=shm, overrides=overrides, name=model)
    assert not preflight(Volume(sample_volume), choices).ok


@pytest.mark.parametrize(
    ("name", "severity", "task", "instead"),
    [
        ("yolov8n-seg.pt", "error", "segment", "yolov8n.pt"),
        ("weights/yolo11x-POSE.pt", "error", "pose", "yolo11x.pt"),
        ("yolov8m-obb", "error", "obb", "yolov8m"),
        ("yolov8s-cls.yaml", "error", "classify", "yolov8s.yaml"),
        ("my-seg.pt", "warning", "segment", "detection model"),
    ],
)
def test_a_model_named_for_another_task_says_which_to_choose(
    volume: Path, name: str, severity: str, task: str, instead: str
) -> None:
    if name.endswith(".pt"):
        path = volume / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(sound_weights())
    result = check(volume, model=name)
    assert found(result, "model-task") == (severity, "model")
    (finding,) = (finding for finding in result.findings if finding.code == "model-task")
    assert f"'{task}'" in finding.message and instead in finding.next


@pytest.mark.parametrize("name", ["yolov8n.pt", "segments.pt", "class-a.pt", "best.pt"])
def test_other_names_say_nothing_of_a_task(volume: Path, name: str) -> None:
    (volume / name).write_bytes(sound_weights())
    assert check(volume, model=name).ok


def test_a_detector_in_a_yaml_with_another_task_in_its_name_is_a_detector(volume: Path) -> None:
    (volume / "yolov8-scratch.yaml").rename(volume / "yolov8-seg.yaml")
    assert check(volume, model="yolov8n-seg.yaml").ok


def test_a_classification_dataset_is_said_to_be_one_before_anything_else(volume: Path) -> None:
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            folder = volume / "datasets/pets" / split / name
            folder.mkdir(parents=True)
            (folder / f"{split}.jpg").write_bytes(b"")
    text = "path: datasets/pets\ntrain: train\nval: val\nnames: [cat, dog]\n"
    (volume / "data-pets.yaml").write_text(text)
    result = check(volume, data="data-pets")
    assert result.findings[0].code == "classify-dataset"
    assert (result.findings[0].severity, result.findings[0].count) == ("error", 4)
    assert "cat, dog" in result.findings[0].message and "boxes" in result.findings[0].next


def test_only_what_the_training_loads_can_stop_it(volume: Path) -> None:
    labels = sorted((volume / "datasets/shapes/labels/train").glob("*.txt"))
    labels[-1].write_text("9 0.5 0.5 0.1 0.1\n")
    assert found(check(volume), "label-class-unknown")[0] == "error"
    assert check(volume, overrides={"single_cls": True}).ok
    assert check(volume, overrides={"fraction": 0.5}).ok
    assert check(volume, overrides={"single_cls": True, "classes": [9]}).ok
    whole = check(volume).report
    assert whole
    part = check(volume, overrides={"fraction": 0.5}).report
    assert part and part.fingerprint == whole.fingerprint
