"""The pages of all runs and of one run, on runs of the real engine."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from pipeline.actions.installation import Installation
from pipeline.actions.launching import launches
from pipeline.actions.runs import details as runs
from pipeline.actions.runs.find import find, folder_of
from pipeline.core.files import write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.mistakes.summary import write_summary
from pipeline.core.settings import load_settings
from tests.core.mistakes.tables import table
from tests.dashboard.pages import click, open_page, text_of
from tests.engines.kubeflow.fake_api import FakeKfp, api, pod, run_detail
from tests.processes import end_processes_of
from tests.silent_server import silent_server
from tests.tested_runs import run_with_test
from tests.waiting import until

__all__ = ["api"]

LIGHT = Choices(model="yolov8n-scratch.yaml", train=False)


def runs_page() -> None:
    from dashboard.views.runs.page import render

    render()


def run_page() -> None:
    from dashboard.views.run.page import render

    render()


def korean_page() -> None:
    from dashboard.language import choose
    from dashboard.views.run.page import render

    choose()
    render()


@pytest.fixture
def here(installation: Path) -> Iterator[Installation]:
    here = Installation(load_settings())
    yield here
    end_processes_of(here.settings.state)


def finished(here: Installation, plan: launches.Plan) -> str:
    run = launches.submit(here, plan).id
    until(lambda: runs.show(here, run).facts.finished_at, "the run does not end", every_s=0.1)
    return run


@pytest.mark.parametrize("asked", ["0", "-1", "99", "1" * 5000])
def test_a_page_of_the_list_that_is_none_is_the_first(here: Installation, asked: str) -> None:
    finished(here, launches.prepare(here, LIGHT))
    page = open_page(runs_page, runs_page=asked)
    assert len(page.dataframe[0].value) == 1 and not page.error


def test_without_runs_the_list_says_how_to_get_one(here: Installation) -> None:
    page = open_page(runs_page)
    assert "No runs yet" in text_of(page)
    assert "Launch the first run" in [button.label for button in page.button]


def test_without_a_run_in_the_url_the_page_leads_to_the_list(here: Installation) -> None:
    assert "No run chosen" in text_of(open_page(run_page))


def test_an_unknown_run_is_said_without_a_traceback(here: Installation) -> None:
    opened = open_page(_guarded_run_page, run="nothing")
    assert "nothing" in opened.error[0].value


def _guarded_run_page() -> None:
    from dashboard.errors import guarded
    from dashboard.views.run.page import render

    guarded(render)()


def test_a_finished_run_shows_its_steps_and_is_in_the_list(here: Installation) -> None:
    run = finished(here, launches.prepare(here, LIGHT))
    page = open_page(run_page, run=run)
    assert "✓ done" in text_of(page)
    assert "kim · local" in text_of(page)
    assert {button.label for button in page.button} >= {"Clone and edit", "Delete"}
    assert "Stop" not in {button.label for button in page.button}

    table = open_page(runs_page).dataframe[0].value
    assert list(table["state"]) == ["✓ done"]
    assert list(table["steps"]) == [100]
    assert list(table["by"]) == ["kim"]
    assert "No run fits" in text_of(open_page(runs_page, runs_filter="park"))


def test_the_origin_of_a_run_names_its_files_and_what_became_of_them(
    here: Installation, installation: Path
) -> None:
    run = finished(here, launches.prepare(here, LIGHT))
    (installation / "cfg-custom.yaml").write_text("epochs: 7\n")
    page = open_page(run_page, tab="Origin", run=run)
    table = page.dataframe[0].value
    assert dict(zip(table["used"], table["on the volume now"], strict=True)) == {
        "model": "✓ unchanged",
        "cfg": "✎ changed since",
        "data": "✓ unchanged",
        "dataset": "✓ unchanged",
    }
    assert "experiment slipway" in text_of(page)


def test_settings_that_training_did_not_apply_come_first(here: Installation) -> None:
    run = finished(here, launches.prepare(here, LIGHT))
    applied = folder_of(here, find(here, run)).applied
    entry = {"args_yaml": 1, "applied": 1}
    entries = {
        "epochs": {**entry, "requested": 1, "verdict": "equal"},
        "lr0": {**entry, "requested": 2, "verdict": "resolved"},
        "mosaic": {**entry, "requested": 3, "verdict": "different"},
    }
    write_json(applied, {"different": ["mosaic"], "settings": entries})
    page = open_page(run_page, tab="Settings", run=run)
    assert page.error[0].value.endswith("asked for: mosaic.")
    assert list(page.dataframe[0].value["setting"]) == ["mosaic", "lr0", "epochs"]
    filtered = open_page(run_page, tab="Settings", run=run, settings_filter="LR")
    assert list(filtered.dataframe[0].value["setting"]) == ["lr0"]


def test_a_log_is_searched_from_a_link(here: Installation) -> None:
    run = finished(here, launches.prepare(here, LIGHT))
    page = open_page(run_page, tab="Log", run=run, log_search="no line has this")
    assert "No line fits." in text_of(page)
    assert "No line fits." not in text_of(open_page(run_page, tab="Log", run=run))


@pytest.mark.parametrize(("ended", "shown"), [("Failed", "verify"), ("Succeeded", "train")])
def test_the_log_that_tells_most_is_open(
    here: Installation, api: FakeKfp, monkeypatch: pytest.MonkeyPatch, ended: str, shown: str
) -> None:
    monkeypatch.setenv("KFP_ENDPOINT", api.url)
    steps = [pod("verify", ended), pod("train", "Succeeded"), pod("notify", "Succeeded")]
    run = api.add(run_detail(1, *steps))
    page = open_page(run_page, tab="Log", run=run)
    assert page.session_state["log_step"] == shown


def test_a_training_says_how_many_epochs_are_done_and_how_long_it_takes(
    here: Installation, api: FakeKfp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KFP_ENDPOINT", api.url)
    run = api.add(run_detail(1, pod("verify", "Succeeded"), pod("train", "Running")))
    here = Installation(load_settings())
    folder = folder_of(here, find(here, run))
    folder.results.parent.mkdir(parents=True)
    (folder.results.parent / "args.yaml").write_text("epochs: 8\n")
    folder.results.write_text("epoch,time\n1,30\n2,60\n")
    (bar,) = open_page(run_page, run=run).get("progress")
    assert (bar.proto.value, bar.proto.text) == (25, "2 of 8 epochs · at most 3 min left")


def test_columns_come_from_the_url_and_filters_reach_parameters(here: Installation) -> None:
    launches.submit(here, launches.prepare(here, LIGHT))
    page = open_page(runs_page, columns=["cfg", "seeds", "from", "nothing"])
    assert list(page.dataframe[0].value.columns) == ["state", "launch", "cfg"]
    assert len(open_page(runs_page, runs_filter="imgsz>0").dataframe) == 1
    assert "No run fits" in text_of(open_page(runs_page, runs_filter="lr0>5"))


def test_a_run_of_kubeflow_says_what_it_waits_for_and_where_it_writes(
    here: Installation, api: FakeKfp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KFP_ENDPOINT", api.url)
    message = 'ImagePullBackOff: Back-off pulling image "slipway-yolo:0"'
    pods = (pod("verify", "Succeeded"), pod("train", "Pending", message))
    run = api.add(run_detail(1, *pods))
    said = open_page(run_page, run=run).info[0]  # above the tabs
    assert "cannot be pulled (ImagePullBackOff)" in said.value
    assert "this volume is not the one that the run writes to" in said.value


def test_a_failed_run_says_why_above_everything(here: Installation, installation: Path) -> None:
    plan = launches.prepare(here, LIGHT)
    for labels in installation.rglob("labels"):
        shutil.rmtree(labels)
    run = finished(here, plan)
    page = open_page(run_page, run=run)
    assert page.error[0].value.startswith("**verify failed:**")
    assert "Retry" in {button.label for button in page.button}
    korean = open_page(korean_page, run=run, lang="ko").error[0].value
    assert re.search("[가-힣]", korean.partition(":** ")[2])
    assert list(open_page(runs_page).dataframe[0].value["why"]) != [""]


def test_a_finished_run_says_what_its_test_lost_most_by(here: Installation) -> None:
    box = (10, 10, 30, 30)
    rows = (("a", "target", 2, None, box), ("b", "target", 2, None, box))
    folder = run_with_test(here, table(*rows, ("a", "prediction", 2, 0.9, box)))
    lost = "of the kinds of mistakes **targets that nothing found** cost most: 0.495"
    assert lost not in text_of(open_page(run_page, run=folder.name))
    write_summary(folder)
    page = open_page(run_page, run=folder.name)
    assert lost in text_of(page)
    assert "form.mistakes_view" not in [part.key for part in page.segmented_control]
    page = click(page, "head.mistakes")
    assert page.query_params["tab"] == ["Mistakes"]
    assert "form.mistakes_view" in [part.key for part in page.segmented_control]

    folder.boxes.unlink()
    assert lost not in text_of(open_page(run_page, run=folder.name)), "of other tables"


def test_a_finished_run_whose_test_s_figures_are_damaged_says_nothing_of_them(
    here: Installation,
) -> None:
    folder = run_with_test(here, table(("a", "target", 2, None, (10, 10, 30, 30))))
    write_summary(folder)
    document = folder.mistakes.read_text()
    for damaged in ("{", document.replace('"missed"', '"mist"'), document[:-9]):
        folder.mistakes.write_text(damaged)
        page = open_page(run_page, run=folder.name)
        assert "is lost by" not in text_of(page)
        assert not page.error


def test_a_drawing_asks_for_the_run_once(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = finished(here, launches.prepare(here, LIGHT))
    asked = []
    show = runs.show
    monkeypatch.setattr(runs, "show", lambda *words: asked.append(words) or show(*words))
    for tab in ("Curves", "Settings", "Log", "Files", "Tune", "Test by class", "Images", "Origin"):
        asked.clear()
        open_page(run_page, tab=tab, run=launch)
        assert len(asked) == 1, tab


def test_a_silent_mlflow_is_said_with_how_old_the_runs_files_are(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = finished(here, launches.prepare(here, LIGHT))
    folder = folder_of(here, find(here, launch))
    folder.results.parent.mkdir(parents=True, exist_ok=True)
    folder.results.write_text("epoch,time,metrics/mAP50-95(B)\n1,1.0,0.1\n2,2.0,0.4\n")
    write_json(folder.mlflow, {"run_id": "0" * 32, "experiment_id": "1"})
    with silent_server() as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
        st.cache_resource.clear()
        page = open_page(run_page, run=launch)
        said = text_of(page)
        assert "MLflow does not answer." in said
        assert "as of" in said
        assert "0.4" in str([metric.value for metric in page.metric])
        connected = len(server.connections)
        open_page(run_page, run=launch)
        assert len(server.connections) <= connected + 1
