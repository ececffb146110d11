"""Reading MLflow ahead: what ended since the last look, and runs that Slipway did not log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipeline.core.errors import TrackingUnreachable
from pipeline.core.files import write_atomic
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.cache import Cache
from pipeline.tracking.reader import Tracking, cache_path
from pipeline.tracking.server import tracking_uri
from pipeline.tracking.sync import BackgroundSync, sync, synced_at
from pipeline.tracking.writer import FINISHED, RunWriter, track
from tests.waiting import until

NAME = "20261123-1432-shapes-yolov8n-k3f9"
CSV = "epoch,time,metrics/mAP50-95(B)\n1,1.0,0.1\n2,2.0,0.4\n"


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An MLflow with one finished run of Slipway; its database takes seconds to make."""
    base = tmp_path_factory.mktemp("synced")
    settings = Settings(volume=base / "volume", state=base / "state")
    settings.state.mkdir()
    folder = RunFolder(settings.volume / "runs" / NAME)
    launch = Launch(
        id=NAME,
        choices=Choices(),
        model_path="yolov8n.pt",
        user="ann",
        created_at="2026-11-23T14:32:00.000Z",
        code_version="0",
    )
    launch.save(folder.launch)
    write_atomic(folder.results, CSV)
    track(folder, settings)
    RunWriter(folder, settings).set_status(FINISHED)
    return settings


@pytest.fixture
def settings(mlflow: Settings, tmp_path: Path) -> Settings:
    """The same MLflow and volume, with nothing known of them yet."""
    return replace(mlflow, state=tmp_path, tracking_uri=tracking_uri(mlflow))


def client_of(settings: Settings) -> MlflowClient:
    return MlflowClient(tracking_uri(settings))


def notebook(settings: Settings, name: str, *values: float) -> str:
    """Make a finished run as a notebook does."""
    client = client_of(settings)
    run = client.create_run("0", run_name=name, tags={"mlflow.user": "kim"})
    client.log_param(run.info.run_id, "model", "yolo11n.pt")
    for step, value in enumerate(values):
        client.log_metric(run.info.run_id, "metrics/mAP50-95B", value, step=step)
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)


def names(settings: Settings) -> list[str]:
    return [run.name for run in Tracking(settings).elsewhere()]


def test_what_was_read_ahead_is_there_when_mlflow_is_away(settings: Settings) -> None:
    assert synced_at(settings) == ""
    assert sync(settings) >= 1
    folder = RunFolder(settings.volume / "runs" / NAME)
    tracking = Tracking(settings)
    version = tracking.version(folder)
    assert tracking.said_bests({NAME: version}, [], "mAP50-95") == {NAME: 0.4}
    assert tracking.said_bests({NAME: "another"}, [], "mAP50-95") == {}
    away = replace(settings, tracking_uri="http://127.0.0.1:9")
    assert Tracking(away).metrics(NAME, ("mAP50-95",))["mAP50-95"]["best"] == 0.4
    assert synced_at(settings) > "2026"
    assert synced_at(away) == ""  # another server


def test_a_notebooks_run_is_found_once_and_as_what_it_is(settings: Settings) -> None:
    run_id = notebook(settings, "a notebook", 0.2, 0.6, 0.5)
    sync(settings)
    sync(settings)
    tracking = Tracking(settings)
    found = [run for run in tracking.elsewhere() if run.run_id == run_id]
    assert len(found) == 1
    (run,) = found
    assert (run.name, run.user, run.state) == ("a notebook", "kim", State.SUCCEEDED)
    assert (run.experiment, run.params["model"]) == ("Default", "yolo11n.pt")
    assert run.started_at <= run.finished_at
    assert tracking.said_bests({}, [run.id], "mAP50-95") == {run.id: 0.6}
    assert tracking.history(run.id)["mAP50-95"] == [(1, 0.2), (2, 0.6), (3, 0.5)]
    assert tracking.elsewhere_run(run.id) == run
    assert NAME not in names(settings)


def test_a_run_that_goes_on_and_ends_is_seen_each_time(settings: Settings) -> None:
    client = client_of(settings)
    run_id = client.create_run("0", run_name="live").info.run_id
    key = f"mlflow:{run_id}"
    client.log_metric(run_id, "metrics/mAP50-95B", 0.1, step=0)
    sync(settings)
    assert [run.state for run in Tracking(settings).elsewhere() if run.id == key] == ["running"]
    client.log_metric(run_id, "metrics/mAP50-95B", 0.3, step=1)
    assert Tracking(settings).metrics(key)["mAP50-95"]["best"] == 0.3
    client.set_terminated(run_id, "FAILED")
    sync(settings)
    assert [run.state for run in Tracking(settings).elsewhere() if run.id == key] == ["failed"]
    client.update_run(run_id, "RUNNING")  # taken up again
    client.log_metric(run_id, "metrics/mAP50-95B", 0.8, step=2)
    sync(settings)
    assert Tracking(settings).metrics(key)["mAP50-95"]["best"] == 0.8
    client.set_terminated(run_id)


def test_later_looks_read_only_what_is_new(settings: Settings) -> None:
    for number in range(3):
        notebook(settings, f"old {number}")
    first = sync(settings)
    # The last ten minutes are read again, since clocks differ: put these further back.
    cache, server = Cache(cache_path(settings)), tracking_uri(settings)
    mark = cache.mark(server)
    cache.set_mark(server, {**mark, "ended_ms": mark["ended_ms"] + 11 * 60 * 1000})
    assert first >= 4
    assert sync(settings) == 0


def test_progress_counts_up(settings: Settings) -> None:
    seen: list[int] = []
    total = sync(settings, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == total


def test_without_a_database_there_is_nothing_to_read(tmp_path: Path) -> None:
    fresh = Settings(volume=tmp_path / "volume", state=tmp_path / "state")
    assert sync(fresh) == 0
    assert Tracking(fresh).elsewhere() == []


def test_an_outage_is_told_with_the_age_of_what_is_known(settings: Settings) -> None:
    sync(settings)
    away = replace(settings, tracking_uri="http://127.0.0.1:9")
    Cache(cache_path(away)).set_mark(away.tracking_uri, {"as_of": "2026-11-25T10:00:00.000Z"})
    background = BackgroundSync(away)
    until(lambda: not background.look().is_running)
    state = background.look()
    assert isinstance(state.outage, TrackingUnreachable)
    assert state.as_of == "2026-11-25T10:00:00.000Z"


def test_reading_anew_forgets_what_was_deleted(settings: Settings) -> None:
    run_id = notebook(settings, "to be deleted")
    background = BackgroundSync(settings)
    until(lambda: not background.look().is_running)
    assert "to be deleted" in names(settings)
    client_of(settings).delete_run(run_id)
    background.again()
    until(lambda: not background.look().is_running)
    assert "to be deleted" not in names(settings)
    assert background.look().as_of
