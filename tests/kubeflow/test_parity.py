"""The same launch on both engines: the same steps, files and numbers."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.actions import launches, runs
from pipeline.core.launch import Choices
from pipeline.core.run_folder import RunFolder
from pipeline.core.sample import write_sample
from pipeline.core.settings import Settings
from tests.conftest import SAMPLE_IMAGES, TINY_CFG
from tests.kfp_backend import (
    TestVolume,
    kfp_core,
    kfp_endpoint,
    kfp_settings,
    kfp_volume,
)

__all__ = ["kfp_core", "kfp_endpoint", "kfp_settings", "kfp_volume"]
pytestmark = [pytest.mark.kubeflow, pytest.mark.alone, pytest.mark.timeout(600)]

CHOICES = Choices(
    model="yolov8n-scratch.yaml", cpus=1, overrides={**TINY_CFG, "epochs": 2, "seed": 7}
)
GIVE_UP_S = 400
# Where the run lies, which is another folder for a pod.
PLACES = {"data", "model", "project", "save_dir", "name"}


@pytest.fixture
def both(
    kfp_settings: Settings, kfp_volume: TestVolume, tmp_path: Path
) -> Iterator[dict[str, Settings]]:
    """Settings of a dashboard for each engine, on equal volumes."""
    cluster = replace(kfp_settings, volume=kfp_volume.path, engines=("kubeflow",))
    local = Settings(volume=tmp_path / "volume", state=tmp_path / "state")
    yield {"local": local, "kubeflow": cluster}
    for settings in (local, cluster):
        for row in runs.listing(settings, limit=5).rows:
            if (settings.volume / "runs" / row["launch"]).is_dir():
                runs.stop(settings, row["run"])
                runs.delete(settings, row["run"])


def test_a_launch_gives_the_same_on_both_engines(both: dict[str, Settings]) -> None:
    shown = {}
    for settings in both.values():
        write_sample(settings.volume, images=SAMPLE_IMAGES)
        launches.submit(settings, launches.prepare(settings, CHOICES))
    for engine, settings in both.items():
        shown[engine] = finished(settings)
    ours, theirs = shown["local"], shown["kubeflow"]
    assert steps(ours) == steps(theirs)
    mine, its = (RunFolder(Path(shown[engine]["folder"])) for engine in both)
    assert files(mine) == files(its)
    assert numbers(mine) == numbers(its)
    assert ours["test"] == theirs["test"]
    assert applied(mine) == applied(its)


def finished(settings: Settings) -> dict[str, Any]:
    give_up_at = time.monotonic() + GIVE_UP_S
    (row,) = (
        row
        for row in runs.listing(settings, limit=5).rows
        if (settings.volume / "runs" / row["launch"]).is_dir()
    )
    while time.monotonic() < give_up_at:
        run = runs.show(settings, row["run"])
        if run["state"] not in ("pending", "running"):
            assert run["state"] == "succeeded", run["message"]
            return run
        time.sleep(1)
    pytest.fail(f"{row['launch']} is not over after {GIVE_UP_S} s")


def steps(run: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["name"], step["state"]) for step in run["steps"]]


def files(folder: RunFolder) -> set[str]:
    """Give the names of all files but the one of MLflow, which pods do not reach here."""
    found = {path for path in folder.path.rglob("*") if path.is_file()} - {folder.mlflow}
    return {str(path.relative_to(folder.path)) for path in found}


def numbers(folder: RunFolder) -> list[dict[str, str]]:
    """Give what training measured after each epoch, without the time that it took."""
    with open(folder.results, newline="", encoding="utf-8") as file:
        rows = [
            {name.strip(): value for name, value in row.items()} for row in csv.DictReader(file)
        ]
    assert len(rows) == 2
    return [{name: value for name, value in row.items() if name != "time"} for row in rows]


def applied(folder: RunFolder) -> dict[str, Any]:
    document = json.loads((folder.step("train") / "applied.json").read_text(encoding="utf-8"))
    return {
        name: entry["applied"] for name, entry in document["settings"].items() if name not in PLACES
    }
