"""Finding runs in the list, and what people say about them; the queue's order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.actions.installation import Installation
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
from pipeline.engines.local.layout import Layout
from pipeline.tracking.client import mlflow_client
from pipeline.tracking.server import tracking_uri
from pipeline.tracking.sync import sync
from pipeline.tracking.writer import track
from tests.engines.kubeflow.fake_api import FakeKfp, api, pod, run_detail

__all__ = ["api"]


def launch(here: Installation, name: str = "", **overrides: object) -> Run:
    chosen = Choices(model="yolov8n-scratch.yaml", train=False, overrides=overrides, name=name)
    return submit(here, prepare(here, chosen))


def listed(here: Installation, text: str = "", **chosen: str) -> list[str]:
    return [row.facts.id for row in run_list.page_of(here, chosen, text).rows]


def test_runs_are_found_by_words_fields_and_parameters(here: Installation) -> None:
    slow = launch(here, "slow", lr0=0.001)
    fast = launch(here, "fast", lr0=0.02)
    assert listed(here) == [fast.id, slow.id]
    assert listed(here, "lr0>0.01") == [fast.id]
    assert listed(here, "lr0<=0.01 user:kim") == [slow.id]
    assert listed(here, "lr0=0.02 slow") == []
    assert listed(here, "mAP50-95>0.1") == []  # nothing is measured yet
    assert listed(here, "fast", state="pending", user="kim") == [fast.id]
    assert listed(here, user="park") == []


def test_a_page_has_its_share_and_counts_all(here: Installation) -> None:
    runs = [launch(here, f"run{number}").id for number in range(3)]
    second = run_list.page_of(here, {}, page=2, size=2)
    assert [row.facts.id for row in second.rows] == [runs[0]]
    assert (second.fitting, second.states) == (3, ["pending"] * 3)
    assert second.choices["model"] == ["yolov8n-scratch.yaml"]
    behind = run_list.page_of(here, {}, page=9, size=2)
    assert behind.rows == second.rows


def test_a_note_and_tags_are_kept_with_the_run_and_found(here: Installation) -> None:
    run = launch(here)
    launch(here, "other")
    change.annotate(here, run.id, " the first try ", ["seed 2, baseline", "baseline"])
    kept = load_note(folder_of(here, run))
    assert kept == RunNote("the first try", ("baseline", "seed 2"))
    assert listed(here, "tag:baseline") == listed(here, "first note:try") == [run.id]
    with pytest.raises(InputError, match="characters"):
        change.annotate(here, run.id, "x" * 5000, [])


def test_a_note_is_kept_in_mlflow_too(here: Installation) -> None:
    run = launch(here)
    folder = folder_of(here, run)
    track(folder, here.settings)
    client = mlflow_client(tracking_uri(here.settings))
    change.annotate(here, run.id, "the first try", ["baseline", "seed 2"])
    mlflow_id = here.tracking.run_id(folder.name)
    tags = client.get_run(mlflow_id).data.tags
    assert tags["mlflow.note.content"] == "the first try"
    assert tags["slipway.tags"] == "baseline, seed 2"
    change.annotate(here, run.id, "", [])
    assert client.get_run(mlflow_id).data.tags["mlflow.note.content"] == ""
    away = Installation(replace(here.settings, tracking_uri="http://127.0.0.1:9"))
    with pytest.raises(TrackingUnreachable):
        change.annotate(away, run.id, "said in an outage", [])
    assert load_note(folder).text == "said in an outage"
    track(folder, here.settings)
    assert client.get_run(mlflow_id).data.tags["mlflow.note.content"] == "said in an outage"


def test_an_archived_run_is_hidden_and_keeps_its_note(here: Installation) -> None:
    run, other = launch(here), launch(here, "other")
    change.annotate(here, run.id, "old", [])
    change.archive(here, run.id)
    assert listed(here) == [other.id]
    everything = run_list.page_of(here, {}, with_archived=True).rows
    assert [(row.facts.id, row.note.is_archived, row.note.text) for row in everything] == [
        (other.id, False, ""),
        (run.id, True, "old"),
    ]
    change.archive(here, run.id, is_archived=False)
    assert run.id in listed(here)


def test_a_damaged_note_does_not_hide_the_list(here: Installation) -> None:
    run = launch(here)
    folder_of(here, run).note.write_text("{")
    assert "cannot be read" in run_list.page_of(here, {}).rows[0].note.text


def test_a_data_yaml_that_changed_since_is_marked(here: Installation) -> None:
    launch(here)
    assert not run_list.page_of(here, {}).rows[0].is_data_changed
    data = here.settings.volume / "data-custom.yaml"
    data.write_text(data.read_text() + "# more images\n")
    assert run_list.page_of(here, {}).rows[0].is_data_changed


def test_what_deleting_frees_is_what_the_folder_holds(here: Installation) -> None:
    run = launch(here)
    (folder_of(here, run).path / "weights").write_bytes(bytes(5000))
    assert change.folder_bytes(here, [run.id]) > 5000


def test_a_waiting_run_moves_in_the_queue(here: Installation) -> None:
    first, second, third = (launch(here, name).id for name in ("one", "two", "three"))
    queue.move(here, third, 0)
    found = queue.queue(here)
    assert [run.id for run in found.waiting] == [third, first, second]
    assert (found.busy, found.slots) == (0, 1)
    here.engine("local").stop(second)


def test_a_run_that_does_not_wait_cannot_be_moved(here: Installation) -> None:
    run = launch(here).id
    from pipeline.engines.local.queue.store import Store

    Store(Layout(here.settings.state).database).update_run(run, state="running")
    with pytest.raises(UsageError, match="does not wait"):
        queue.move(here, run, 0)


def test_without_the_embedded_engine_there_is_no_queue(tmp_path: Path) -> None:
    kubeflow = {"engine": "kubeflow", "engines": ("kubeflow",), "kfp_endpoint": "http://kfp:8888"}
    elsewhere = Installation(Settings(volume=tmp_path, state=tmp_path, **kubeflow))  # type: ignore[arg-type]
    assert queue.queue(elsewhere) == queue.Queue()


def trained(here: Installation, name: str, best: float, **overrides: object) -> str:
    run = launch(here, name, **overrides)
    results = folder_of(here, run).results
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(f"epoch,time,metrics/mAP50-95(B)\n1,1.0,{best}\n")
    return run.id


def test_runs_are_sorted_over_all_pages(here: Installation) -> None:
    good = trained(here, "good", 0.7)
    bad = trained(here, "bad", 0.2)
    new = launch(here, "new").id

    def ordered(sort: str) -> list[str]:
        pages = (run_list.page_of(here, {}, page=n, size=1, sort=sort) for n in (1, 2, 3))
        return [page.rows[0].facts.id for page in pages]

    assert ordered("newest") == [new, bad, good]
    assert ordered("oldest") == [good, bad, new]
    assert ordered("mAP50-95") == [good, bad, new]
    assert ordered("launch") == [bad, good, new]
    assert listed(here, "mAP50-95>0.5") == [good]


def test_runs_that_differ_in_their_seed_are_one_row(here: Installation) -> None:
    other = trained(here, "other", 0.9, lr0=0.02)
    first = trained(here, "first", 0.3, seed=1)
    second = trained(here, "second", 0.5, seed=2)
    page = run_list.page_of(here, {}, joins_seeds=True)
    assert [row.facts.id for row in page.rows] == [second, other]
    row = page.rows[0]
    assert row.seeds and row.seeds[1:] == (pytest.approx(0.4), pytest.approx(0.1414, abs=1e-4))
    assert [name.split("-")[2] for name in row.members] == ["second", "first"]
    assert page.rows[1].seeds is None
    assert first not in [row.facts.id for row in page.rows]


def test_a_run_that_only_mlflow_knows_is_listed_shown_and_left_alone(here: Installation) -> None:
    client = mlflow_client(tracking_uri(here.settings))
    made = client.create_run("0", run_name="notebook", tags={"mlflow.user": "lee"})
    client.log_param(made.info.run_id, "lr0", "0.5")
    client.log_metric(made.info.run_id, "metrics/mAP50-95B", 0.6, step=0)
    client.set_terminated(made.info.run_id)
    ours = launch(here).id
    assert listed(here) == [ours]
    sync(here.settings)
    name = f"mlflow:{made.info.run_id}"
    assert set(listed(here)) == {ours, name}
    assert listed(here, "lr0>0.4 mAP50-95>0.5 notebook", user="lee") == [name]
    row = run_list.page_of(here, {"user": "lee"}).rows[0]
    assert (row.source, row.facts.state, row.best) == ("MLflow", "succeeded", 0.6)
    assert runs.show(here, name).params == {"lr0": "0.5"}
    for action in (change.stop, change.delete, change.archive):
        with pytest.raises(RunNotFound, match="did not launch"):
            action(here, name)
    compared = side_by_side(here, [name, ours])
    assert compared.runs[f"notebook · {made.info.run_id[:6]}"].history["mAP50-95"] == [(1, 0.6)]


def test_a_run_started_in_the_kfp_ui_says_so(api: FakeKfp, volume: Path, state: Path) -> None:
    there = Installation(
        Settings(
            volume=volume,
            state=state,
            engine="kubeflow",
            engines=("kubeflow",),
            kfp_endpoint=api.url,
        )
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
