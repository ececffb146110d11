"""Fixtures that every part of the suite may use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow, and that is no defect of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# One thread a process: the suite runs on two cores, and small tensors gain nothing from more.
os.environ.update(OMP_NUM_THREADS="1", YOLO_OFFLINE="1", YOLO_AUTOINSTALL="false")

SAMPLE_IMAGES = 24
# What makes a training of the sample a matter of seconds; at 32 px no batch may hold one image.
TINY_CFG = {"epochs": 1, "imgsz": 32, "batch": 9, "workers": 0}


@pytest.fixture(scope="session", autouse=True)
def _private_ultralytics_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["YOLO_CONFIG_DIR"] = str(tmp_path_factory.mktemp("ultralytics"))


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_person() -> Iterator[None]:
    """Keep a developer's own environment from leaking into what is tested, and what it starts."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [*os.environ]:
            if name.startswith(("SLIPWAY_", "MLFLOW_", "KFP_")) and name != "SLIPWAY_REGENERATE":
                environment.delenv(name)
        yield


@pytest.fixture(scope="session")
def sample_volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample volume that all tests share: read it, never write to it."""
    from pipeline.core.volume.sample import write_sample

    folder = tmp_path_factory.mktemp("sample") / "volume"
    write_sample(folder, images=SAMPLE_IMAGES)
    return folder


@pytest.fixture
def volume(sample_volume: Path, tmp_path: Path) -> Path:
    """A private copy of the sample volume."""
    return Path(shutil.copytree(sample_volume, tmp_path / "volume"))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A private, empty state folder."""
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def nothing_starts(state: Path) -> None:
    """Hold the lock of the embedded engine's controller: what is submitted waits."""
    from pipeline.engines.local.control.start import take_lock
    from pipeline.engines.local.layout import Layout

    assert take_lock(Layout(state)) is not None
