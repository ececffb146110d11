"""What the Run page offers beside looking: notes, another test, runs of others."""

from __future__ import annotations

import shutil

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching import launches
from pipeline.actions.runs.rows import listing
from pipeline.core.launch.choices import Choices
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.run_note import load_note
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.store import Store
from pipeline.tracking.client import mlflow_client
from pipeline.tracking.server import tracking_uri
from tests.actions.launching.test_retest import WEIGHTS
from tests.dashboard.pages import click, open_page, text_of
from tests.dashboard.views.test_run import run_page, runs_page
from tests.tuned_runs import end_run


@pytest.fixture
def folder(here: Installation) -> RunFolder:
    """The folder of a run that is over and left weights."""
    chosen = Choices(model="yolov8n-scratch.yaml")
    run = launches.submit(here, launches.prepare(here, chosen))
    ended = {"state": "succeeded", "finished_at": "2026-11-25T10:00:00.000Z"}
    Store(Layout(here.settings.state).database).update_run(run.id, **ended)
    folder = RunFolder(here.settings.volume / "runs" / run.launch)
    for which in ("best", "last"):
        folder.weights(which).parent.mkdir(parents=True, exist_ok=True)
        folder.weights(which).write_bytes(WEIGHTS)
    return folder


def test_a_note_is_written_on_the_page_and_shown(folder: RunFolder) -> None:
    page = click(open_page(run_page, run=folder.name), "note")
    page.text_area[0].set_value("the first try")
    page.text_input[0].set_value("baseline")
    click(page, "runs_note_save")
    assert load_note(folder).text == "the first try"
    assert "the first try" in text_of(open_page(run_page, run=folder.name))


def test_weights_are_tested_again_by_a_run_of_its_own(
    here: Installation, folder: RunFolder
) -> None:
    page = click(open_page(run_page, run=folder.name), "retest")
    page.button(key="retest_now").click().run()
    newest = listing(here).rows[0].facts
    assert newest.cloned_from == folder.name
    assert newest.model == f"runs/{folder.name}/train/weights/best.pt"
    assert [step.name for step in newest.steps][:3] == ["volume-mount", "verify", "test"]
    tested = open_page(run_page, run=newest.launch)
    assert "does not train" in text_of(tested)
    assert "retest" not in [button.key for button in tested.button], "it still goes on"


def test_weights_that_a_test_alone_measured_are_tested_again(
    here: Installation, folder: RunFolder
) -> None:
    click(click(open_page(run_page, run=folder.name), "retest"), "retest_now")
    alone = listing(here).rows[0].facts
    end_run(here, alone.id, "succeeded")
    tested = RunFolder(here.settings.volume / "runs" / alone.launch)
    tested.test_metrics.parent.mkdir(parents=True, exist_ok=True)
    tested.test_metrics.write_text('{"split": "val", "classes": {}}')
    page = open_page(run_page, tab="Mistakes", run=alone.launch)
    assert "did not keep what it saw" in text_of(page)
    click(click(page, "mistakes.retest"), "retest_now")
    newest = listing(here).rows[0].facts
    assert (newest.cloned_from, newest.model) == (alone.launch, alone.model)


def test_data_that_is_gone_is_said_in_the_dialog(here: Installation, folder: RunFolder) -> None:
    (here.settings.volume / "data-custom.yaml").unlink()
    shutil.rmtree(here.settings.volume / "datasets", ignore_errors=True)
    page = click(open_page(run_page, run=folder.name), "retest")
    click(page, "retest_now")
    assert "data-custom" in text_of(page)
    assert len(listing(here).rows) == 1


def test_a_run_of_mlflow_alone_can_be_looked_at_only(here: Installation) -> None:
    client = mlflow_client(tracking_uri(here.settings))
    made = client.create_run("0", run_name="notebook", tags={"mlflow.user": "lee"}).info.run_id
    client.log_param(made, "lr0", "0.5")
    client.log_metric(made, "metrics/mAP50-95B", 0.6, step=0)
    client.set_terminated(made)
    page = open_page(run_page, run=f"mlflow:{made}")
    assert "notebook" in text_of(page)
    assert "not launched by Slipway" in text_of(page)
    assert {"stop", "retry", "clone", "delete", "note", "retest"}.isdisjoint(
        button.key for button in page.button
    )


def test_the_list_says_that_mlflow_is_away(
    here: Installation, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard import services

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    services.here.clear()
    services.mlflow_sync.clear()
    page = open_page(runs_page)
    for _ in range(100):
        page.run()
        if page.warning:
            break
    said = "\n".join(str(warning.value) for warning in page.warning)
    assert "MLflow does not answer" in said
    assert folder.name in set(page.dataframe[0].value["launch"])
