"""Candidate and production, in a real registry of MLflow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipeline.core.errors import FileMissing, TrackingUnreachable, UsageError
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.reader import Tracking
from pipeline.tracking.registry import mark, marks
from pipeline.tracking.server import tracking_uri
from pipeline.tracking.writer import track


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    base = tmp_path_factory.mktemp("registry")
    return Settings(volume=base / "volume", state=base / "state")


def launched(settings: Settings, name: str, experiment: str) -> RunFolder:
    folder = RunFolder(settings.volume / "runs" / name)
    launch = Launch(
        id=name,
        choices=Choices(experiment=experiment),
        model_path="yolov8n.pt",
        user="ann",
        created_at="2026-11-23T14:32:00.000Z",
        code_version="0",
    )
    launch.save(folder.launch)
    track(folder, settings)
    return folder


def test_an_experiment_has_one_production(settings: Settings) -> None:
    first = launched(settings, "20261123-1432-a-yolov8n-aaaa", "team/shapes")
    second = launched(settings, "20261123-1433-b-yolov8n-bbbb", "team/shapes")
    other = launched(settings, "20261123-1434-c-yolov8n-cccc", "signs")
    mark(Tracking(settings), first, "production")
    mark(Tracking(settings), other, "production")
    mark(Tracking(settings), second, "candidate")
    assert marks(Tracking(settings)) == {
        first.name: ("production",),
        second.name: ("candidate",),
        other.name: ("production",),
    }
    mark(Tracking(settings), second, "production")
    assert marks(Tracking(settings)) == {second.name: ("production",), other.name: ("production",)}
    mark(Tracking(settings), second, "")
    assert marks(Tracking(settings)) == {other.name: ("production",)}
    versions = MlflowClient(tracking_uri(settings)).search_model_versions("name = 'team-shapes'")
    assert len(versions) == 2  # marking again makes no new one


def test_models_of_others_are_left_alone(settings: Settings) -> None:
    client = MlflowClient(tracking_uri(settings))
    client.create_registered_model("theirs")
    version = client.create_model_version("theirs", source="s3://bucket/model")
    client.set_registered_model_alias("theirs", "production", version.version)
    assert "" not in marks(Tracking(settings))
    assert all(name.startswith("2026") for name in marks(Tracking(settings)))


def test_what_cannot_be_marked_says_why(settings: Settings, tmp_path: Path) -> None:
    folder = launched(settings, "20261123-1435-d-yolov8n-dddd", "shapes")
    with pytest.raises(UsageError, match="no stage 'best'"):
        mark(Tracking(settings), folder, "best")
    with pytest.raises(FileMissing, match="does not know"):
        mark(
            Tracking(settings), RunFolder(settings.volume / "runs" / "20261123-1436-e"), "candidate"
        )
    with pytest.raises(TrackingUnreachable):
        mark(Tracking(replace(settings, tracking_uri="http://127.0.0.1:9")), folder, "candidate")
    assert marks(Tracking(Settings(volume=tmp_path / "v", state=tmp_path / "s"))) == {}
