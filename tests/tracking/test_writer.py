from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from pipeline.core.errors import TrackingUnreachable
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch, load_launch
from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.summary import read_summary, write_summary
from pipeline.core.settings import Settings
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder, claim, run_folder
from pipeline.tracking.follower import Follower
from pipeline.tracking.reader import Tracking
from pipeline.tracking.schema import logged_name, shown_name
from pipeline.tracking.server import tracking_uri
from pipeline.tracking.writer import RunWriter, track
from tests.core.mistakes.sliced import images_of
from tests.core.mistakes.tables import drawn

LAUNCH = "20261123-1432-shapes-yolov8n-k3f9"
HEADER = "epoch,time,train/box_loss,metrics/mAP50-95(B),lr/pg0\n"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One database for all tests, since making its tables takes seconds."""
    base = tmp_path_factory.mktemp("tracked")
    return Settings(volume=base / "volume", state=base / "state")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = run_folder(Volume(tmp_path), LAUNCH)
    launch = Launch(
        id=LAUNCH,
        choices=Choices(experiment="shapes"),
        model_path="yolov8-scratch.yaml",
        user="jun",
        created_at="2026-11-23T14:32:00.000Z",
        code_version="0.1.0",
        sha256={"cfg": "c" * 64},
        dataset_fingerprint="f" * 64,
    )
    launch.save(folder.launch)
    claim(folder, f"uid of {tmp_path.name}")
    folder.step("train").mkdir()
    folder.attempts.write_text(json.dumps([{"lr0": 0.01, "model": "a.yaml", "resume": False}]))
    folder.results.write_text(HEADER + "1,0.5,2.5,0.1,0.01\n2,0.9,2.0,nan,0.01\n")
    return folder


def write_tables(folder: RunFolder, boxes: pl.DataFrame) -> None:
    folder.step("test").mkdir()
    judged(boxes).write_parquet(folder.boxes)
    images_of(boxes).write_parquet(folder.tested_images)


def client_of(settings: Settings) -> MlflowClient:
    return MlflowClient(tracking_uri(settings))


def run_id_of(folder: RunFolder) -> str:
    return str(json.loads(folder.mlflow.read_text())["run_id"])


def only_child(folder: RunFolder, settings: Settings) -> Run:
    parent = json.loads(folder.mlflow.read_text())
    (child,) = client_of(settings).search_runs(
        [parent["experiment_id"]], f"tags.`mlflow.parentRunId` = '{parent['run_id']}'"
    )
    return child


def history(settings: Settings, folder: RunFolder, name: str) -> list[tuple[int, str]]:
    values = client_of(settings).get_metric_history(run_id_of(folder), name)
    return [(metric.step, repr(metric.value)) for metric in values]


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_a_run_is_logged_once_under_the_names_of_ultralytics(
    folder: RunFolder, settings: Settings
) -> None:
    assert track(folder, settings) == 3 + 6 + 1  # parameters, values, results.csv
    assert track(folder, settings) == 0
    run = client_of(settings).get_run(run_id_of(folder))
    assert run.data.params == {"lr0": "0.01", "model": "a.yaml", "resume": "False"}
    assert set(run.data.metrics) == {"train/box_loss", "metrics/mAP50-95B", "lr/pg0"}
    assert history(settings, folder, "train/box_loss") == [(0, "2.5"), (1, "2.0")]
    assert history(settings, folder, "metrics/mAP50-95B") == [(0, "0.1"), (1, "nan")]
    assert run.data.tags["slipway.launch"] == LAUNCH
    assert run.data.tags["slipway.user"] == "jun"
    assert run.data.tags["slipway.sha256.cfg"] == "c" * 64
    assert run.data.tags["slipway.dataset_fingerprint"] == "f" * 64


def test_the_machine_is_logged_as_mlflow_does_it_and_is_no_curve(
    folder: RunFolder, settings: Settings
) -> None:
    folder.machine.write_text("time_s,cpu_percent,ram_mb\n5.0,40.5,800\n10.0,41.5,900\n")
    track(folder, settings)
    logged = history(settings, folder, "system/cpu_utilization_percentage")
    assert logged == [(0, "40.5"), (1, "41.5")]
    local = replace(settings, volume=folder.path.parents[1])
    assert set(Tracking(local).history(LAUNCH)) == {"train/box_loss", "mAP50-95", "lr/pg0"}


def test_a_line_that_is_still_being_written_waits(folder: RunFolder, settings: Settings) -> None:
    with open(folder.results, "a") as file:
        file.write("3,1.4,1.")
    track(folder, settings)
    assert len(history(settings, folder, "train/box_loss")) == 2
    with open(folder.results, "a") as file:
        file.write("5,0.2,0.01\n")
    assert track(folder, settings) == 4  # three values, and the table has grown
    assert history(settings, folder, "train/box_loss")[-1] == (2, "1.5")


def test_a_resume_adds_what_differs(folder: RunFolder, settings: Settings) -> None:
    track(folder, settings)
    first = json.loads(folder.attempts.read_text())[0]
    folder.attempts.write_text(json.dumps([first, {**first, "model": "last.pt", "resume": True}]))
    assert track(folder, settings) == 2
    params = client_of(settings).get_run(run_id_of(folder)).data.params
    assert params["model"] == "a.yaml"
    assert (params["resume.1.model"], params["resume.1.resume"]) == ("last.pt", "True")


def test_a_lost_record_finds_its_run_again(folder: RunFolder, settings: Settings) -> None:
    track(folder, settings)
    run_id = run_id_of(folder)
    folder.mlflow.unlink()  # as after a crash between creating the run and writing the record
    assert track(folder, settings) == 0
    assert run_id_of(folder) == run_id


def test_a_run_deleted_in_mlflow_is_logged_anew(folder: RunFolder, settings: Settings) -> None:
    track(folder, settings)
    deleted = run_id_of(folder)
    client_of(settings).delete_run(deleted)
    folder.owner.write_text("another uid")
    assert track(folder, settings) == 10
    assert run_id_of(folder) != deleted


def test_trials_are_children(folder: RunFolder, settings: Settings) -> None:
    trial = folder.trial_folders / "trial-001"
    trial.mkdir(parents=True)
    (trial / "args.yaml").write_text("lr0: 0.02\n")
    (trial / "results.csv").write_text(HEADER + "1,0.5,2.5,0.1,0.02\n")
    (trial / "trial.json").write_text(json.dumps({"state": "failed"}))
    track(folder, settings)
    child = only_child(folder, settings)
    assert child.data.params == {"lr0": "0.02"}
    assert child.data.tags["slipway.trial"] == "trial-001"
    assert child.info.status == "FAILED"
    assert track(folder, settings) == 0


def test_a_trial_that_a_retry_does_again_ends_as_it_ends_there(
    folder: RunFolder, settings: Settings
) -> None:
    trial = folder.trial_folders / "trial-001"
    trial.mkdir(parents=True)
    (trial / "args.yaml").write_text("lr0: 0.02\n")

    def status_of(state: str, writer: RunWriter) -> str:
        (trial / "trial.json").write_text(json.dumps({"state": state}))
        writer.sync()
        return str(only_child(folder, settings).info.status)

    assert status_of("interrupted", RunWriter(folder, settings)) == "KILLED"
    retry = RunWriter(folder, settings)
    states = ("interrupted", "running", "running", "done")
    statuses = [status_of(state, retry) for state in states]
    assert statuses == ["KILLED", "RUNNING", "RUNNING", "FINISHED"]
    assert status_of("running", RunWriter(folder, settings)) == "RUNNING"


def test_a_server_that_is_gone_is_unreachable_and_not_empty(
    folder: RunFolder, tmp_path: Path
) -> None:
    settings = Settings(volume=tmp_path, state=tmp_path, tracking_uri=closed_port())
    with pytest.raises(TrackingUnreachable, match="did not take the run"):
        track(folder, settings)
    assert not folder.mlflow.exists()


def test_an_outage_does_not_stop_the_work(
    folder: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(volume=tmp_path, state=tmp_path, tracking_uri=closed_port())
    with Follower(folder, settings):
        pass
    assert "The work goes on" in capfd.readouterr().out


def test_an_artifact_store_that_is_gone_is_said_and_does_not_stop_the_work(
    folder: RunFolder,
    settings: Settings,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", closed_port())
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "not used")
    experiment = f"in S3 for {folder.path.parents[1].name}"
    settings.state.mkdir(parents=True, exist_ok=True)  # where the database is made
    client_of(settings).create_experiment(experiment, "s3://bucket/somewhere")
    launch = load_launch(folder.launch)
    replace(launch, choices=replace(launch.choices, experiment=experiment)).save(folder.launch)
    with pytest.raises(TrackingUnreachable, match="artifact store did not take a file"):
        track(folder, settings)
    with Follower(folder, settings):
        pass
    assert "The work goes on" in capfd.readouterr().out
    assert len(history(settings, folder, "lr/pg0")) == 2


def test_following_ends_with_the_outcome(folder: RunFolder, settings: Settings) -> None:
    with pytest.raises(ValueError, match="boom"), Follower(folder, settings):
        raise ValueError("boom")
    assert client_of(settings).get_run(run_id_of(folder)).info.status == "FAILED"
    with Follower(folder, settings):
        pass
    assert client_of(settings).get_run(run_id_of(folder)).info.status == "FINISHED"
    assert len(history(settings, folder, "lr/pg0")) == 2


@pytest.mark.parametrize(
    ("column", "logged", "shown"),
    [
        ("metrics/mAP50-95(B)", "metrics/mAP50-95B", "mAP50-95"),
        ("metrics/precision(M)", "metrics/precisionM", "precision(M)"),
        ("val/box_loss", "val/box_loss", "val/box_loss"),
    ],
)
def test_names(column: str, logged: str, shown: str) -> None:
    assert logged_name(column) == logged
    assert shown_name(column) == shown_name(logged) == shown


def test_parameters_wait_until_the_training_has_worked_them_out(
    folder: RunFolder, settings: Settings
) -> None:
    attempts = folder.attempts.read_text()
    folder.attempts.unlink()
    results = folder.results.read_text()
    folder.results.unlink()
    (folder.step("train") / "args.yaml").write_text("optimizer: auto\nlr0: 0.01\n")
    RunWriter(folder, settings).sync()
    folder.attempts.write_text(attempts.replace("0.01", "0.00125"))
    folder.results.write_text(results)
    RunWriter(folder, settings).sync()
    assert client_of(settings).get_run(run_id_of(folder)).data.params["lr0"] == "0.00125"


def test_a_value_that_is_no_number_is_left_out(folder: RunFolder, settings: Settings) -> None:
    folder.step("test").mkdir()
    folder.test_metrics.write_text(json.dumps({"split": "val", "mAP50": None, "recall": 0.5}))
    RunWriter(folder, settings).sync()
    names = client_of(settings).get_run(run_id_of(folder)).data.metrics
    assert names["test/recall"] == 0.5
    assert "test/mAP50" not in names


def test_what_a_test_lost_is_logged_with_its_tables(folder: RunFolder, settings: Settings) -> None:
    write_tables(folder, drawn(2, images=12))
    write_summary(folder)
    found = read_summary(folder)
    assert found is not None and found.best is not None
    track(folder, settings)
    assert track(folder, settings) == 0
    client, run_id = client_of(settings), run_id_of(folder)
    metrics = client.get_run(run_id).data.metrics
    assert {name: metrics[f"test/loss/{name}"] for name in found.cost} == found.cost
    assert metrics["test/AP50-95/small"] == found.sizes["small"].ap
    assert found.shares is not None
    shares = {name: of.ap for name, of in found.shares.items() if of.ap is not None}
    assert shares == {name: metrics[f"test/AP50-95/share/{name}"] for name in shares} != {}
    best = (metrics["test/best_conf"], metrics["test/best_f1"])
    assert best == (found.best.conf, found.best.f1)
    names = {Path(entry.path).name for entry in client.list_artifacts(run_id, "test")}
    assert names == {"boxes.parquet", "images.parquet"}
    local = replace(settings, volume=folder.path.parents[1])
    assert not any(name.startswith("test/") for name in Tracking(local).history(LAUNCH))


def test_a_test_without_its_figures_is_logged_as_before(
    folder: RunFolder, settings: Settings
) -> None:
    write_tables(folder, drawn(2))
    folder.mistakes.write_text('{"cost": {"missed": 0.5}}')
    track(folder, settings)
    metrics = client_of(settings).get_run(run_id_of(folder)).data.metrics
    assert not [name for name in metrics if name.startswith("test/")]


def test_of_an_epoch_that_was_trained_again_the_last_value_counts(
    folder: RunFolder, settings: Settings
) -> None:
    first = folder.results.read_text()
    local = replace(settings, volume=folder.path.parents[1])
    shown = []
    for text in (first, first.replace("2.0,", "1.75,"), first):  # the same value may come back
        folder.results.write_text(text)
        RunWriter(folder, settings).sync()
        assert RunWriter(folder, settings).sync() == 0
        shown.append(Tracking(local).history(LAUNCH)["train/box_loss"][-1])
        latest = client_of(settings).get_run(run_id_of(folder)).data.metrics["train/box_loss"]
        assert latest == shown[-1][1]
    assert shown == [(2, 2.0), (2, 1.75), (2, 2.0)]
