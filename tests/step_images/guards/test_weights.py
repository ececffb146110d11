"""Real weights pass in every shape that Ultralytics and torch write; others are refused."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import InputError
from pipeline.core.weights.check import check_weights
from pipeline.core.weights.container import read_weights
from tests.step_images.yolo_runs import YoloRun
from tests.weights_files import Runs, evil_weights, legacy, sound_weights

os.environ.update(YOLO_OFFLINE="1", YOLO_AUTOINSTALL="false")


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import torch

    from step_images.guards.weights import guard_weights

    monkeypatch.setattr(torch, "load", torch.load)
    guard_weights()
    return torch


def built(name: str) -> Any:
    from ultralytics.nn.tasks import yaml_model_load
    from ultralytics.utils.torch_utils import init_seeds

    init_seeds(0)
    from ultralytics import RTDETR, YOLO

    assert yaml_model_load
    return (RTDETR if "rtdetr" in name else YOLO)(name).model


@pytest.mark.parametrize(
    "name",
    [
        *("yolov8n.yaml", "yolov8n-seg.yaml", "yolov8n-pose.yaml", "yolov8n-obb.yaml"),
        *("yolov8n-cls.yaml", "yolov8n-rtdetr.yaml", "yolov8s-worldv2.yaml", "yolov5n.yaml"),
        *("yolov9t.yaml", "yolov10n.yaml", "yolo11n.yaml", "yolo12n.yaml", "yolo26n.yaml"),
    ],
)
def test_models_of_each_kind_are_sound(tmp_path: Path, name: str) -> None:
    import torch

    model = built(name)
    optimizer = torch.optim.AdamW(model.parameters())
    whole = {"epoch": 0, "ema": model.half(), "model": None, "optimizer": optimizer.state_dict()}
    path = tmp_path / "a.pt"
    torch.save(whole, path)
    assert check_weights(path, "a.pt") == []
    with open(path, "rb") as file:
        (yaml,) = read_weights(file).model_yamls
    assert yaml["backbone"] == model.yaml["backbone"]


def test_all_ways_of_saving_a_model_are_sound(tmp_path: Path, guarded: Any) -> None:
    import numpy as np

    model, path = built("yolov8n.yaml"), tmp_path / "a.pt"
    odd = {
        "best_fitness": np.float64(0.5),
        "array": np.arange(3.0),
        "dtype": guarded.float16,
        "size": guarded.Size([2]),
        "device": guarded.device("cpu"),
        "layout": guarded.strided,
        "tensor": guarded.ones(2, 2, dtype=guarded.bfloat16),
    }
    for content in (model, model.state_dict(), odd, model.fuse()):
        for protocol in (2, 3, 4, 5):
            guarded.save(content, path, pickle_protocol=protocol)
            assert check_weights(path, "a.pt") == []
        guarded.save(content, path, _use_new_zipfile_serialization=False)
        assert check_weights(path, "a.pt") == []
        guarded.load(path, weights_only=False)


def test_what_a_training_writes_is_sound(trained: YoloRun) -> None:
    for which in ("best", "last"):
        assert check_weights(trained.folder.weights(which), which) == []


def test_nothing_that_would_run_code_is_loaded(
    tmp_path: Path, guarded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultralytics import YOLO

    mark, path = tmp_path / "mark", tmp_path / "evil.pt"
    path.write_bytes(evil_weights(mark))
    (tmp_path / "behind").write_bytes(b"before" + evil_weights(mark))
    behind = open(tmp_path / "behind", "rb")  # noqa: SIM115 - closed below
    behind.seek(6)
    with behind, open(path, "rb") as opened:
        for what in (path, str(path), opened, behind):
            with pytest.raises(InputError, match="mkdir"):
                guarded.load(what, weights_only=False)
    with pytest.raises(InputError, match="mkdir"):
        guarded.load(path, weights_only=False, mmap=True)
    with pytest.raises(InputError, match="mkdir"):
        YOLO(str(path))
    assert not mark.exists()
    path.write_bytes(sound_weights())
    assert guarded.load(path, weights_only=False)["epoch"] == -1


@pytest.mark.parametrize(
    "options",
    [
        {"weights_only": False},
        {"weights_only": False, "pickle_module": pickle},
        {"pickle_module": pickle},
        {"weights_only": False, "mmap": True},
    ],
)
def test_what_is_read_differently_than_it_was_checked_still_finds_no_other_names(
    tmp_path: Path, guarded: Any, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    from step_images.guards import weights

    monkeypatch.setattr(weights, "require_sound", lambda *_, **__: None)  # another reader's file
    mark, path = tmp_path / "mark", tmp_path / "a.pt"
    evil = pickle.dumps(Runs(os.mkdir, str(mark)), protocol=2)
    for content in (evil_weights(mark), legacy(evil), legacy(b"N.", keys=evil)):
        if options.get("mmap") and not content.startswith(b"PK"):
            continue
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"posix\.mkdir") as caught:
            guarded.load(path, **options)
        assert caught.value.exit_code == 3
    assert not mark.exists()


def test_torch_s_own_restricted_unpickler_stays_in_place(
    tmp_path: Path, guarded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pt"
    guarded.save(guarded.nn.Linear(1, 1), path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    for options in ({}, {"weights_only": True}):
        with pytest.raises(pickle.UnpicklingError, match="Linear"):
            guarded.load(path, **options)
    monkeypatch.delenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(pickle.UnpicklingError, match="Linear"):
        guarded.load(path, weights_only=False)


def test_what_is_allowed_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from step_images.guards.weights import guard_weights

    monkeypatch.setattr(torch, "load", torch.load)
    monkeypatch.setenv("SLIPWAY_WEIGHTS_ALLOW", "posix.mkdir")
    guard_weights()
    (tmp_path / "a.pt").write_bytes(evil_weights(tmp_path / "mark"))
    torch.load(tmp_path / "a.pt", weights_only=False)
    assert (tmp_path / "mark").is_dir()


def test_a_trial_starts_from_nothing_that_would_run_code(tmp_path: Path) -> None:
    import torch

    from step_images.tune.trial import Setup, train_yolo

    before, mark = torch.load, tmp_path / "mark"
    (tmp_path / "best.pt").write_bytes(evil_weights(mark))
    setup = Setup(str(tmp_path), str(tmp_path / "best.pt"), {}, "mAP50-95")
    try:
        with pytest.raises(InputError, match="mkdir"):
            train_yolo(setup, tmp_path / "trial-0", {}, lambda *_: False)
    finally:
        torch.load = before
    assert not mark.exists()


@pytest.mark.parametrize("key", ["pretrained", "distill_model"])
def test_a_training_opens_no_other_weights_that_would_run_code(
    trained_copy: YoloRun, key: str
) -> None:
    evil, mark = trained_copy.volume / "evil.pt", trained_copy.volume / "mark"
    evil.write_bytes(evil_weights(mark))
    for path in trained_copy.folder.weights("last").parent.iterdir():
        path.unlink()
    with open(trained_copy.folder.cfg, "a") as file:
        file.write(f"\n{key}: {evil.name}\n")
    assert trained_copy.run("train") == 3
    assert "mkdir" in trained_copy.log("train") and not mark.exists()


@pytest.mark.parametrize("step", ["train", "test", "tune"])
def test_no_step_loads_a_checkpoint_that_somebody_exchanged(
    trained_copy: YoloRun, step: str
) -> None:
    mark = trained_copy.volume / "mark"
    for which in ("best", "last"):
        trained_copy.folder.weights(which).write_bytes(evil_weights(mark))
    assert trained_copy.run(step) == 3
    assert "mkdir" in trained_copy.log(step) and not mark.exists()
