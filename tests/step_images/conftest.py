"""One tiny training that every test of the yolo steps may look at."""

from __future__ import annotations

import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tests.step_images.yolo_runs import YoloRun, make_run


@pytest.fixture(scope="session")
def trained(sample_volume: Path, tmp_path_factory: pytest.TempPathFactory) -> YoloRun:
    """A finished training while MLflow was out of reach: read it, never write to it."""
    base = tmp_path_factory.mktemp("trained")
    volume = Path(shutil.copytree(sample_volume, base / "volume"))
    state = base / "state"
    (state / "outputs").mkdir(parents=True)
    with socket.socket() as closed:  # a port on which nobody listens
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    run = make_run(volume, state, {}, tracking_uri=f"http://127.0.0.1:{port}")
    assert run.run("train") == 0, run.log("train")
    return run


@pytest.fixture
def trained_copy(trained: YoloRun, tmp_path: Path) -> YoloRun:
    """A private copy of the finished training, with tracking in a file of its own."""
    volume = Path(shutil.copytree(trained.volume, tmp_path / "volume"))
    state = tmp_path / "state"
    (state / "outputs").mkdir(parents=True)
    return replace(trained, volume=volume, state=state, tracking_uri="")
