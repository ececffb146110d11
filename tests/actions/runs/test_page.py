"""Finding runs in the list, and what people say about them; the queue's order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.actions.engines import engine_of
from pipeline.actions.launching.launches import prepare, submit
from pipeline.actions.runs import change, queue
from pipeline.actions.runs import details as runs
from pipeline.actions.runs import page as run_list
from pipeline.actions.runs.compare import side_by_side
from pipeline.actions.runs.filter import parse_query
from pipeline.actions.runs.find import folder_of
from pipeline.core.errors import (
    FileMissing,
    InputError,
    RunNotFound,
    TrackingUnreachable,
    UsageError,
)
from pipeline.core.launch.choices import Choices
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder, claim
from pipeline.core.volume.run_note import RunNote, load_note
from pipeline.engines.base import Run
from pipeline.engines.local.control.start import take_lock
from pipeline.engines.local.layout import Layout
from pipeline.tracking.client import mlflow_client
from pipeline.tracking.reader import Tracking
from pipeline.tracking.server import tracking_uri
from pipeline.tracking.sync import sync
from pipeline.tracking.writer import track
from tests.engines.kubeflow.fake_api import FakeKfp, api, pod, run_detail

__all__ = ["api"]


@pytest.fixture
def settings(volume: Path, state: Path) -> Iterator[Settings]:
    """An installation in which nothing starts: the test holds the controller's lock."""
    made = Settings(volume=volume, state=state, user="kim")
    lock = take_lock(Layout(state))
    assert lock is not None
    yield made


def launch(settings: Settings, name: str = "", **overrides: object) -> Run:
    chosen = Choices(model="yolov8n-scratch.yaml", train=False, overrides=overrides, name=name)
    return submit(settings, prepare(settings, chosen))


def listed(settings: Settings, text: str = "", **chosen: str) -> list[str]:
    return [row.facts.id for row in run_list.page_of(settings, chosen, text).rows]


def test_runs_are_found_by_words_fields_and_parameters(settings: Settings) -> None:
    slow = launch(settings, "slow", lr0=0.001)
    fast = launch(settings, "fast", lr0=0.02)
    assert listed(settings) == [fast.id, slow.id]
    assert listed(settings, "lr0>0.01") == [fast.id]
    assert listed(settings, "lr0<=0.01 user:kim") == [slow.id]
    assert listed(settings, "lr0=0.02 slow") == []
    assert listed(settings, "mAP50-95>0.1") == []  # nothing is measured yet
    assert listed(settings, "fast", state="pending", user="kim") == [fast.id]
    assert listed(settings, user="park") == []


def test_a_page_has_its_share_and_counts_all(settings: Settings) -> None:
    runs = [launch(settings, f"run{number}").id for number in range(3)]
    second = run_list.page_of(settings, {}, page=2, size=2)
    assert [row.facts.id for row in second.rows] == [runs[0]]
    assert (second.fitting, second.states) == (3, ["pending"] * 3)
    assert second.choices["model"] == ["yolov8n-scratch.yaml"]
    behind = run_list.page_of(settings, {}, page=9, size=2)
    assert behind.rows == second.rows


def test_a_note_and_tags_are_kept_with_the_run_and_found(settings: Settings) -> None:
    run = launch(settings)
    launch(settings, "other")
    change.annotate(settings, run.id, " the first try ", ["seed 2, baseline", "baseline"])
    kept = load_note(folder_of(settings, run))
    assert kept == RunNote("the first try", ("baseline", "seed 2"))
    assert listed(settings, "tag:baseline") == listed(settings, "first note:try") == [run.id]
    with pytest.raises(InputError, match="characters"):
        change.annotate(settings, run.id, "x" * 5000, [])


def test_a_note_is_kept_in_mlflow_too(settings: Settings) -> None:
    run = launch(settings)
    folder = folder_of(settings, run)
    track(folder, settings)
    client = mlflow_client(tracking_uri(settings))
    change.annotate(settings, run.id, "the first try", ["baseline", "seed 2"])
    mlflow_id = Tracking(settings).run_id(folder.name)
    tags = client.get_run(mlflow_id).data.tags
    assert tags["mlflow.note.content"] == "the first try"
    assert tags["slipway.tags"] == "baseline, seed 2"
    change.annotate(settings, run.id, "", [])
    assert client.get_run(mlflow_id).data.tags["mlflow.note.content"] == ""
    away = replace(settings, tracking_uri="http://127.0.0.1:9")
    with pytest.raises(TrackingUnreachable):
        change.annotate(away, run.id, "said in an outage", [])
    assert load_note(folder).text == "said in an outage"
    track(folder, settings)
    assert client.get_run(mlflow_id).data.tags["mlflow.note.content"] == "said in an outage"


def test_an_archived_run_is_hidden_and_keeps_its_note(settings: Settings) -> None:
    run, other = launch(settings), launch(settings, "other")
    change.annotate(settings, run.id, "old", [])
    change.archive(settings, run.id)
    assert listed(settings) == [other.id]
    everything = run_list.page_of(settings, {}, with_archived=True).rows
    assert [(row.facts.id, row.note.is_archived, row.note.text) for row in everything] == [
        (other.id, False, ""),
        (run.id, True, "old"),
    ]
    change.archive(settings, run.id, is_archived=False)
    assert run.id in listed(settings)


def test_a_damaged_note_does_not_hide_the_list(settings: Settings) -> None:
    run = launch(settings)
    folder_of(settings, run).note.write_text("{")
    assert "cannot be read" in run_list.page_of(settings, {}).rows[0].note.text


def test_a_data_yaml_that_changed_since_is_marked(settings: Settings) -> None:
    launch(settings)
    assert not run_list.page_of(settings, {}).rows[0].is_data_changed
    data = settings.volume / "data-custom.yaml"
    data.write_text(data.read_text() + "# more images\n")
    assert run_list.page_of(settings, {}).rows[0].is_data_changed


def test_what_deleting_frees_is_what_the_folder_holds(settings: Settings) -> None:
    run = launch(settings)
    (folder_of(settings, run).path / "weights").write_bytes(bytes(5000))
    assert change.folder_bytes(settings, [run.id]) > 5000


def test_a_waiting_run_moves_in_the_queue(settings: Settings) -> None:
    first, second, third = (launch(settings, name).id for name in ("one", "two", "three"))
    queue.move(settings, third, 0)
    found = queue.queue(settings)
    assert [run.id for run in found.waiting] == [third, first, second]
    assert (found.busy, found.slots) == (0, 1)
    engine_of(settings, "local").stop(second)


def test_a_run_that_does_not_wait_cannot_be_moved(settings: Settings) -> None:
    run = launch(settings).id
    from pipeline.engines.local.queue.store import Store

    Store(Layout(settings.state).database).update_run(run, state="running")
    with pytest.raises(UsageError, match="does not wait"):
        queue.move(settings, run, 0)


def test_without_the_embedded_engine_there_is_no_queue(tmp_path: Path) -> None:
    kubeflow = {"engine": "kubeflow", "engines": ("kubeflow",), "kfp_endpoint": "http://kfp:8888"}
    elsewhere = Settings(volume=tmp_path, state=tmp_path, **kubeflow)  # type: ignore[arg-type]
    assert queue.queue(elsewhere) == queue.Queue()


def trained(settings: Settings, name: str, best: float, **overrides: object) -> str:
    run = launch(settings, name, **overrides)
    results = folder_of(settings, run).results
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(f"epoch,time,metrics/mAP50-95(B)\n1,1.0,{best}\n")
    return run.id


def test_runs_are_sorted_over_all_pages(settings: Settings) -> None:
    good = trained(settings, "good", 0.7)
    bad = trained(settings, "bad", 0.2)
    new = launch(settings, "new").id

    def ordered(sort: str) -> list[str]:
        pages = (run_list.page_of(settings, {}, page=n, size=1, sort=sort) for n in (1, 2, 3))
        return [page.rows[0].facts.id for page in pages]

    assert ordered("newest") == [new, bad, good]
    assert ordered("oldest") == [good, bad, new]
    assert ordered("mAP50-95") == [good, bad, new]
    assert ordered("launch") == [bad, good, new]
    assert listed(settings, "mAP50-95>0.5") == [good]


def test_runs_that_differ_in_their_seed_are_one_row(settings: Settings) -> None:
    other = trained(settings, "other", 0.9, lr0=0.02)
    first = trained(settings, "first", 0.3, seed=1)
    second = trained(settings, "second", 0.5, seed=2)
    page = run_list.page_of(settings, {}, joins_seeds=True)
    assert [row.facts.id for row in page.rows] == [second, other]
    row = page.rows[0]
    assert row.seeds and row.seeds[1:] == (pytest.approx(0.4), pytest.approx(0.1414, abs=1e-4))
    assert [name.split("-")[2] for name in row.members] == ["second", "first"]
    assert page.rows[1].seeds is None
    assert first not in [row.facts.id for row in page.rows]


def test_a_run_that_only_mlflow_knows_is_listed_shown_and_left_alone(settings: Settings) -> None:
    client = mlflow_client(tracking_uri(settings))
    made = client.create_run("0", run_name="notebook", tags={"mlflow.user": "lee"})
    client.log_param(made.info.run_id, "lr0", "0.5")
    client.log_metric(made.info.run_id, "metrics/mAP50-95B", 0.6, step=0)
    client.set_terminated(made.info.run_id)
    ours = launch(settings).id
    assert listed(settings) == [ours]
    sync(settings)
    name = f"mlflow:{made.info.run_id}"
    assert set(listed(settings)) == {ours, name}
    assert listed(settings, "lr0>0.4 mAP50-95>0.5 notebook", user="lee") == [name]
    row = run_list.page_of(settings, {"user": "lee"}).rows[0]
    assert (row.source, row.facts.state, row.best) == ("MLflow", "succeeded", 0.6)
    assert runs.show(settings, name).params == {"lr0": "0.5"}
    for action in (change.stop, change.delete, change.archive):
        with pytest.raises(RunNotFound, match="did not launch"):
            action(settings, name)
    compared = side_by_side(settings, [name, ours])
    assert compared.runs[f"notebook · {made.info.run_id[:6]}"].history["mAP50-95"] == [(1, 0.6)]


def test_a_run_started_in_the_kfp_ui_says_so(api: FakeKfp, volume: Path, state: Path) -> None:
    there = Settings(
        volume=volume, state=state, engine="kubeflow", engines=("kubeflow",), kfp_endpoint=api.url
    )
    detail = run_detail(1, pod("verify", "Running"))
    run = api.add(detail)
    # A clone made in the KFP UI has the original's launch id; the original owns the folder.
    claim(RunFolder(volume / "runs" / detail["run"]["name"]), "another-uid")
    row = run_list.page_of(there, {}).rows[0]
    assert (row.facts.id, row.source) == (run, "KFP UI")
    with pytest.raises(FileMissing, match="no folder"):
        change.archive(there, run)


@pytest.mark.parametrize(
    ("actual", "text", "fits"),
    [
        (0.02, "lr0>0.01", True),
        ("0.02", "lr0<0.01", False),
        ("SGD", "optimizer=sgd", True),
        ("SGD", "optimizer>a", False),
        (None, "lr0!=1", False),
        (3, "epochs!=4", True),
    ],
)
def test_a_comparison_compares_numbers_as_numbers(actual: object, text: str, fits: bool) -> None:
    assert parse_query(text).comparisons[0].fits(actual) is fits
