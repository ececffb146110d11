"""What a launch will take, told from the folders of earlier runs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.estimate import Estimate
from pipeline.actions.launching.launches import Plan, prepare
from pipeline.core.files import write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.run_folder import RunFolder, run_folder

CHOICES = Choices(model="yolov8n-scratch.yaml", overrides={"epochs": 10})
TRAIN_IMAGES = 17
RUNS = 0


def finished(
    here: Installation,
    *,
    epochs: int = 2,
    epoch_s: float = 3.4,
    rest_s: float = 20.0,
    images: int = TRAIN_IMAGES,
    cfg: str = "imgsz: 96\nbatch: 16\n",
    engine: str = "local",
    attempts: int = 1,
    weights_bytes: int = 1000,
    **changes: Any,
) -> RunFolder:
    """Make the folder of a training that took `rest_s` besides its epochs."""
    global RUNS
    RUNS += 1
    folder = run_folder(here.volume, f"20261120-1200-run-{RUNS:04d}")
    choices = replace(CHOICES, **changes)
    Launch(folder.name, choices, "yolov8-scratch.yaml", "kim", "", "", engine=engine).save(
        folder.launch
    )
    folder.owner.write_text("uid")
    folder.cfg.write_text(cfg)
    write_json(folder.attempts, [{}] * attempts)
    counts = {"images": images + 1, "dropped_images": 1}
    write_json(folder.distribution, {"splits": {"train": counts}})
    rows = [f"{epoch},{epoch * epoch_s}\n" for epoch in range(1, epochs + 1)]
    folder.results.write_text("epoch,time\n" + "".join(rows))
    folder.weights("best").parent.mkdir()
    folder.weights("best").write_bytes(bytes(weights_bytes))
    write_json(folder.test_metrics, {"split": "test"})
    os.utime(folder.owner, (1e9, 1e9))
    end = 1e9 + epochs * epoch_s + rest_s
    os.utime(folder.test_metrics, (end, end))
    return folder


def plan(here: Installation, **changes: Any) -> Plan:
    return prepare(here, replace(CHOICES, **changes))


def expected(here: Installation, **changes: Any) -> Estimate:
    return plan(here, **changes).estimate


def test_without_a_run_like_it_there_is_no_figure(here: Installation) -> None:
    assert expected(here) == Estimate(None, 0, None)


def test_time_is_that_of_images_and_epochs_and_a_fixed_part(here: Installation) -> None:
    finished(here)  # 0.2 s an image and epoch
    assert expected(here).seconds == pytest.approx(20 + 0.2 * 10 * TRAIN_IMAGES)
    assert expected(here, overrides={"epochs": 20}).seconds == pytest.approx(20 + 68)
    assert expected(here, overrides={"time": 0.5}).seconds == pytest.approx(20 + 1800)
    assert expected(here).runs == 1


def test_the_median_of_the_most_similar_counts(here: Installation) -> None:
    for rest_s in (10, 12, 900):
        finished(here, rest_s=rest_s)
    for _ in range(3):  # further away: another batch, other images
        finished(here, rest_s=500, cfg="imgsz: 96\nbatch: 4\n", images=30)
    assert expected(here).runs == 5
    assert expected(here).seconds == pytest.approx(500 + 34, abs=20)
    for _ in range(3):
        finished(here, rest_s=11)
    assert expected(here).seconds == pytest.approx(11 + 34)


@pytest.mark.parametrize(
    "other",
    [{"engine": "kubeflow"}, {"model": "yolov8s-scratch.yaml"}, {"cfg": "imgsz: 640\n"},
     {"images": 100}, {"gpus": 1}, {"tune": True}, {"train": False}, {"attempts": 2},
     {"rest_s": -1.0}, {"cfg": "imgsz: ["}, {"cfg": "imgsz: 96\nbatch: 16\nsave_period: 1\n"}],
)  # fmt: skip
def test_other_runs_do_not_count(here: Installation, other: Mapping[str, Any]) -> None:
    finished(here, **other)
    assert expected(here) == Estimate()


def test_runs_that_are_not_over_or_are_damaged_do_not_count(here: Installation) -> None:
    finished(here).test_metrics.unlink()
    for name in ("results", "distribution", "attempts", "launch"):
        getattr(finished(here), name).write_text("{")
    assert expected(here) == Estimate()


def test_only_trainings_are_estimated(here: Installation) -> None:
    finished(here)
    assert expected(here, tune=True) == expected(here, train=False) == Estimate()
    assert expected(here, overrides={"epochs": "x"}) == Estimate()
    assert expected(here, data="none") == Estimate()


def test_space_is_that_of_earlier_folders_or_of_the_weights(here: Installation) -> None:
    (here.settings.volume / "some.pt").write_bytes(b"PK\x03\x04" + bytes(999_996))
    assert expected(here, model="some.pt").bytes == 2_000_000
    overrides = {"epochs": 10, "save_period": 5}
    assert expected(here, model="some.pt", overrides=overrides).bytes == 4_000_000
    finished(here, weights_bytes=500_000)
    assert expected(here).bytes == pytest.approx(500_000, abs=2000)


def test_space_that_will_not_suffice_stops_the_launch(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(here, weights_bytes=500_000)
    free = {"bytes": 3 << 30}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free["bytes"]))
    assert not [entry for entry in plan(here).findings if entry.code.startswith("disk")]
    free["bytes"] = 1 << 30
    (low,) = [entry for entry in plan(here).findings if entry.code == "disk-low"]
    assert "likely to need 1 MB" in low.message
    free["bytes"] = (100 << 20) + 400_000  # enough for any run, and not for this one
    found = plan(here)
    assert [entry.code for entry in found.findings if entry.code.startswith("disk")] == [
        "disk-full"
    ]
    assert not found.ok


def test_the_document_has_null_for_what_is_not_known(here: Installation) -> None:
    document = json.loads(json.dumps(asdict(expected(here))))
    assert document == {"seconds": None, "runs": 0, "bytes": None}
