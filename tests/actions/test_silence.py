"""A server that accepts and never answers costs one time-out, and that once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.runs import change
from pipeline.actions.runs import details as runs
from pipeline.actions.runs.rows import listing
from pipeline.core.errors import EngineUnreachable, TrackingUnreachable
from pipeline.core.files import write_atomic, write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.client import READ_S
from tests.silent_server import Silent, silent_server

NAME = "20261123-1432-shapes-yolov8n-k3f9"
CSV = "epoch,time,train/box_loss,metrics/mAP50-95(B)\n1,1.0,3.5,0.1\n2,2.0,3.0,0.4\n"


@pytest.fixture
def silent() -> Iterator[Silent]:
    with silent_server() as server:
        yield server


@pytest.fixture
def here(volume: Path, state: Path) -> Installation:
    """A finished run on the volume that MLflow should know."""
    folder = RunFolder(volume / "runs" / NAME)
    created_at = "2026-11-23T14:32:00.000Z"
    Launch(NAME, Choices(), "yolov8n.pt", "ann", created_at, code_version="0").save(folder.launch)
    write_atomic(folder.results, CSV)
    write_json(folder.mlflow, {"run_id": "0" * 32, "experiment_id": "1"})
    return Installation(Settings(volume=volume, state=state))


def test_mlflows_silence_is_waited_for_once_and_the_runs_files_are_shown(
    here: Installation, silent: Silent
) -> None:
    asking = Installation(replace(here.settings, tracking_uri=silent.url))
    with pytest.raises(TrackingUnreachable, match=f"within {READ_S:g} s"):
        asking.tracking.metrics(NAME)
    connected = len(silent.connections)
    for _ in range(3):
        shown = runs.show(asking, NAME)
        assert shown.metrics_source == "results.csv"
        assert shown.metrics["mAP50-95"]["best"] == 0.4
        assert listing(asking).rows[0].best == 0.4
    assert len(silent.connections) == connected, "nobody asks again while it is known"
    assert asking.tracking.outage() is not None
    assert here.tracking.outage() is None


def test_an_engines_silence_is_waited_for_once(here: Installation, silent: Silent) -> None:
    asking = Installation(
        replace(here.settings, kfp_endpoint=silent.url, engines=("local", "kubeflow"))
    )
    started = time.monotonic()
    with pytest.raises(EngineUnreachable):
        runs.show(asking, "20261123-1432-another")
    connected = len(silent.connections)
    assert connected
    for _ in range(3):
        with pytest.raises(EngineUnreachable):
            runs.show(asking, "20261123-1432-another")
        assert runs.show(asking, NAME).facts.state == "unknown"
    assert len(silent.connections) == connected
    assert time.monotonic() - started < 60  # the client's own patience is minutes


def test_a_run_that_mlflow_has_just_taken_is_read_from_there(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when somebody starts MLflow again and fills in what it lacks."""
    monkeypatch.chdir(tmp_path)  # a database of its own has its artifacts where one works
    gone = f"sqlite:///{here.settings.state}/gone/mlflow.db"
    asking = Installation(replace(here.settings, tracking_uri=gone))
    assert runs.show(asking, NAME).metrics_source == "results.csv"
    assert asking.tracking.outage() is not None
    (here.settings.state / "gone").mkdir()
    (here.settings.volume / "runs" / NAME / "mlflow.json").unlink()
    assert change.track(asking, NAME)[1] > 0
    assert runs.show(asking, NAME).metrics_source == "mlflow"
