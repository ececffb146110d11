from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.errors import TrackingUnreachable
from pipeline.core.files import write_atomic
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.cache import Cache
from pipeline.tracking.reader import Tracking, bests_in_files
from pipeline.tracking.summary import summary
from pipeline.tracking.writer import FINISHED, RunWriter, track

NAME = "20261123-1432-shapes-yolov8n-k3f9"
CSV = """epoch,time,train/box_loss,metrics/mAP50-95(B),lr/pg0
1,1.0,3.5,0.1,0.001
2,2.0,3.0,0.4,0.002
3,3.0,3.2,0.3,0.001
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A volume with one finished run that MLflow knows; its database takes seconds to make."""
    base = tmp_path_factory.mktemp("reader")
    settings = Settings(volume=base / "volume", state=base / "state")
    settings.state.mkdir()
    folder = make_folder(settings, NAME)
    write_atomic(folder.results, CSV)
    write_atomic(folder.step("train") / "args.yaml", "epochs: 3\nlr0: 0.01\n")
    writer = RunWriter(folder, settings)
    track(folder, settings)
    writer.set_status(FINISHED)
    return settings


def make_folder(settings: Settings, name: str) -> RunFolder:
    folder = RunFolder(settings.volume / "runs" / name)
    launch = Launch(
        id=name,
        choices=Choices(),
        model_path="yolov8n.pt",
        user="ann",
        created_at="2026-11-23T14:32:00.000Z",
        code_version="0",
    )
    launch.save(folder.launch)
    return folder


def folder_of(settings: Settings) -> RunFolder:
    return RunFolder(settings.volume / "runs" / NAME)


def test_best_is_highest_for_a_metric_and_lowest_for_a_loss(settings: Settings) -> None:
    metrics = Tracking(settings).metrics(NAME)
    assert metrics["mAP50-95"] == {"best": 0.4, "best_epoch": 2, "last": 0.3}
    assert metrics["train/box_loss"] == {"best": 3.0, "best_epoch": 2, "last": 3.2}
    assert not any(name.startswith("lr/") for name in metrics)


def test_history_counts_epochs_from_one(settings: Settings) -> None:
    history = Tracking(settings).history(NAME)
    assert history["mAP50-95"] == [(1, 0.1), (2, 0.4), (3, 0.3)]
    assert set(Tracking(settings).history(NAME, ("mAP50-95",))) == {"mAP50-95"}


def test_params_are_what_was_logged(settings: Settings) -> None:
    assert Tracking(settings).params(NAME)["lr0"] == "0.01"


def test_a_run_without_mlflow_run_has_nothing_yet(settings: Settings) -> None:
    tracking = Tracking(settings)
    make_folder(settings, "20261124-0000-new-aaaa")
    assert tracking.metrics("20261124-0000-new-aaaa") == {}
    assert tracking.params("20261124-0000-new-aaaa") == {}
    assert tracking.run_id("20261124-0000-new-aaaa") == ""
    assert tracking.run_url("20261124-0000-new-aaaa") == ""


def test_the_url_names_experiment_and_run(settings: Settings) -> None:
    served = replace(settings, tracking_uri="http://mlflow.example:5000")
    ids = json.loads(folder_of(settings).mlflow.read_text())
    assert Tracking(served).run_url(NAME) == (
        f"http://mlflow.example:5000/#/experiments/{ids['experiment_id']}/runs/{ids['run_id']}"
    )


def test_finished_runs_are_answered_without_mlflow(settings: Settings) -> None:
    before = Tracking(settings).metrics(NAME)
    away = replace(settings, tracking_uri="http://127.0.0.1:9")
    assert Tracking(away).metrics(NAME) == before


def test_an_outage_is_said_and_the_files_stand_in(settings: Settings, tmp_path: Path) -> None:
    away = replace(settings, tracking_uri="http://127.0.0.1:9", state=tmp_path)
    with pytest.raises(TrackingUnreachable, match=r"127\.0\.0\.1:9"):
        Tracking(away).metrics(NAME)
    history, source = Tracking(away).history_or_file(folder_of(settings))
    assert source == "results.csv"
    assert summary(history) == Tracking(settings).metrics(NAME)
    params, source = Tracking(away).params_or_file(folder_of(settings))
    assert (params["epochs"], source) == ("3", "args.yaml")


def test_a_password_in_the_address_is_not_shown(settings: Settings, tmp_path: Path) -> None:
    away = replace(settings, tracking_uri="http://ann:s3cret@127.0.0.1:9", state=tmp_path)
    with pytest.raises(TrackingUnreachable) as caught:
        Tracking(away).metrics(NAME)
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1:9" in str(caught.value)
    assert Tracking(away).run_url(NAME).startswith("http://127.0.0.1:9/#/")
    with pytest.raises(TrackingUnreachable) as written:
        RunWriter(folder_of(settings), away)
    assert "s3cret" not in str(written.value)


def test_a_database_that_is_gone_is_an_outage(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(TrackingUnreachable):
        Tracking(replace(settings, state=tmp_path)).metrics(NAME)
    assert not (tmp_path / "mlflow.db").exists()


def test_a_run_that_mlflow_does_not_have_is_no_empty_run(settings: Settings) -> None:
    name = "20261125-0000-lost-bbbb"
    folder = make_folder(settings, name)
    write_atomic(folder.mlflow, json.dumps({"run_id": "f" * 32, "experiment_id": "1"}))
    with pytest.raises(TrackingUnreachable, match=r"f{32}"):
        Tracking(settings).metrics(name)


def test_one_run_that_mlflow_lacks_does_not_hide_the_others(settings: Settings) -> None:
    lost = make_folder(settings, "20261125-0000-gone-dddd")
    write_atomic(lost.mlflow, json.dumps({"run_id": "e" * 32, "experiment_id": "1"}))
    write_atomic(lost.results, CSV)
    tracking = Tracking(settings)
    history, source = tracking.history_or_file(lost)
    assert (history["mAP50-95"][1], source) == ((2, 0.4), "results.csv")
    assert tracking.history_or_file(folder_of(settings))[1] == "mlflow"


def test_a_run_that_trained_in_an_outage_is_read_from_its_files(settings: Settings) -> None:
    folder = make_folder(settings, "20261125-0000-out-eeee")
    write_atomic(folder.results, CSV)
    write_atomic(folder.step("train") / "args.yaml", "lr0: 0.01\n")
    history, source = Tracking(settings).history_or_file(folder)
    assert (summary(history)["mAP50-95"]["best"], source) == (0.4, "results.csv")
    assert Tracking(settings).params_or_file(folder) == ({"lr0": "0.01"}, "args.yaml")


def test_results_that_come_after_the_cache_are_seen(settings: Settings) -> None:
    name = "20261126-0000-more-cccc"
    folder = make_folder(settings, name)
    write_atomic(folder.results, CSV)
    writer = RunWriter(folder, settings)
    writer.sync()
    writer.set_status(FINISHED)
    assert Tracking(settings).metrics(name)["mAP50-95"]["best"] == 0.4
    write_atomic(folder.results, CSV + "4,4.0,2.0,0.9,0.001\n")
    writer.sync()
    assert Tracking(settings).metrics(name)["mAP50-95"]["best"] == 0.9


def test_a_cache_keeps_answers_by_version(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "deep" / "cache.db")
    assert cache.get("a", "run", "1") is None
    cache.put("a", "run", "1", {"x": [1, 2.5]})
    assert cache.get("a", "run", "1") == {"x": [1, 2.5]}
    assert cache.get("a", "run", "2") is None
    cache.forget("a")
    assert cache.get("a", "run", "1") is None


def test_a_damaged_cache_costs_only_time(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    path.write_bytes(b"not a database" * 100)
    cache = Cache(path)
    assert cache.get("a", "run", "1") is None
    cache.put("a", "run", "1", 1)
    cache.put("a", "run", "1", 2)
    assert cache.get("a", "run", "1") == 2
    cache.forget("a")


def test_the_best_of_a_run_that_mlflow_lacks_is_in_its_file(tmp_path: Path) -> None:
    own = Settings(tmp_path / "volume", tmp_path / "state")
    folder = make_folder(own, "training")
    assert bests_in_files(folder) == {}
    write_atomic(folder.results, CSV)
    assert bests_in_files(folder)["mAP50-95"] == 0.4
    write_atomic(folder.results, CSV + "4,4.0,3.1,0.55,0.001\n")
    assert bests_in_files(folder)["mAP50-95"] == 0.55
