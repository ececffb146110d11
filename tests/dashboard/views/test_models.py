import json
import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import services
from pipeline.actions.models import list_weights
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.run_folder import RunFolder
from tests.dashboard.pages import open_page
from tests.waiting import until
from tests.weights_server import WeightsServer, weights_file, weights_server

__all__ = ["weights_server"]


def script() -> None:
    from dashboard.errors import guarded
    from dashboard.views.models import page as models

    guarded(models.render)()


def open_models(**query: str) -> AppTest:
    return open_page(script, **query)


def add_run(volume: Path, name: str) -> RunFolder:
    """What a finished run leaves, as far as this page reads it."""
    folder = RunFolder(volume / "runs" / name)
    for which in ("best", "last"):
        folder.weights(which).parent.mkdir(parents=True, exist_ok=True)
        folder.weights(which).write_bytes(b"weights")
    choices = Choices(model="yolov8n-scratch.yaml")
    Launch(name, choices, "yolov8-scratch.yaml", "kim", "2026-11-23T14:32:00Z", "0").save(
        folder.launch
    )
    folder.test_metrics.parent.mkdir()
    folder.test_metrics.write_text(json.dumps({"split": "val", "mAP50-95": 0.25}))
    return folder


def test_without_weights_the_page_says_where_they_come_from(installation: Path) -> None:
    page = open_models()
    assert page.subheader[0].value == "No weights yet"
    assert str(installation / "weights") in page.markdown[0].value


def test_weights_name_their_run_their_data_and_what_was_measured(installation: Path) -> None:
    add_run(installation, "20261123-1432-a")
    (installation / "weights").mkdir(exist_ok=True)
    (installation / "weights" / "mine.pt").write_bytes(b"x" * 2_000)
    table = open_models().dataframe[0].value
    assert list(table["file"]) == ["mine.pt", "best.pt", "last.pt"]
    assert list(table["from run"])[:2] == ["put on the volume", "20261123-1432-a"]
    assert table["size"][0] == 2_000
    assert table["test mAP50-95"][1] == 0.25 and table["measured on"][1] == "val"
    assert table["data"][1] == "data-custom" and table["started from"][1] == "yolov8n-scratch.yaml"


def test_only_the_weights_that_were_tested_bear_the_result(installation: Path) -> None:
    add_run(installation, "20261123-1432-a")
    table = open_models().dataframe[0].value
    assert table["test mAP50-95"].isna().tolist() == [False, True]


def test_the_filter_of_the_url_narrows_the_list(installation: Path) -> None:
    for name in ("20261123-1432-a", "20261123-1432-b"):
        add_run(installation, name)
    assert set(open_models(models_filter="1432-B").dataframe[0].value["from run"]) == {
        "20261123-1432-b"
    }
    assert "No file fits" in open_models(models_filter="zzz").info[0].value


def test_an_engine_that_does_not_answer_is_no_empty_list(installation: Path, state: Path) -> None:
    add_run(installation, "20261123-1432-a")
    state.rmdir()
    os.symlink("/proc/nowhere", state)  # the local engine's store cannot be opened
    page = open_models()
    assert "state cannot be used" in page.error[0].value and not page.dataframe


@pytest.fixture
def fetching(
    installation: Path, weights_server: WeightsServer, monkeypatch: pytest.MonkeyPatch
) -> WeightsServer:
    monkeypatch.setenv("SLIPWAY_WEIGHTS_URL", weights_server.release)
    return weights_server


def markdown_of(page: AppTest) -> str:
    return "\n".join(str(entry.value) for entry in (*page.markdown, *page.caption))


def fetch_with(page: AppTest) -> AppTest:
    page.button(key="models.fetch").click().run()
    return page


def settle(page: AppTest) -> AppTest:
    """Wait until nothing is being fetched, and draw the page again."""
    until(lambda: not any(one.is_running for one in services.downloads().known()))
    page.run()
    assert not page.exception
    return page


def test_official_weights_are_offered_with_where_they_belong(
    installation: Path, fetching: WeightsServer
) -> None:
    page = open_models()
    assert page.button(key="models.fetch").label == "Fetch yolo26n.pt"
    said = markdown_of(page)
    assert f"{fetching.release}/yolo26n.pt" in said
    assert f"{installation}/weights/yolo26n.pt" in said
    assert not fetching.asked


def test_weights_are_fetched_and_can_be_launched_from(
    installation: Path, fetching: WeightsServer
) -> None:
    fetching.publish("yolo26n.pt", weights_file())
    page = settle(fetch_with(open_models()))
    assert list(page.dataframe[0].value["file"]) == ["yolo26n.pt"]
    said = markdown_of(page)
    assert "On the volume as `weights/yolo26n.pt`" in said and "/tags/v8.4.0` says" in said
    assert page.button(key="launch.yolo26n.pt")
    page.button(key="stop.yolo26n.pt").click().run().run()
    assert "says" not in markdown_of(page)
    assert (installation / "weights/yolo26n.pt").read_bytes() == weights_file()


def test_another_session_sees_what_is_fetched_and_may_stop_it(
    installation: Path, fetching: WeightsServer
) -> None:
    fetching.publish("yolo26n.pt", weights_file())
    fetching.hold_after = 300_000
    fetch_with(open_models())
    assert fetching.holds.wait(30)
    other = open_models()
    assert other.button(key="models.fetch").disabled
    other.button(key="stop.yolo26n.pt").click().run()
    assert not other.button(key="models.fetch").disabled
    assert not list((installation / "weights").glob("*.pt"))


def test_what_went_wrong_says_how_to_do_without(
    installation: Path, fetching: WeightsServer
) -> None:
    fetching.status = 503
    page = settle(fetch_with(open_models()))
    assert "HTTP 503" in page.error[0].value
    assert f"put it at {installation}/weights/yolo26n.pt" in page.error[0].value
    fetching.status = 200
    fetching.publish("yolo26n.pt", weights_file(), digest=None)
    page.button(key="again.yolo26n.pt").click().run()
    settle(page)
    assert not page.error and "it was not compared" in markdown_of(page)


def test_weights_go_by_the_names_that_the_launch_form_offers(installation: Path) -> None:
    add_run(installation, "20261123-1432-a")
    (installation / "weights").mkdir()
    (installation / "weights" / "mine.pt").write_bytes(b"weights")
    names = {entry.name for entry in list_weights(services.here())}
    assert names <= set(services.choices("model")) and "mine.pt" in names


def test_the_file_that_was_chosen_stays_chosen_behind_a_filter(installation: Path) -> None:
    for name in ("20261123-1432-a", "20261123-1432-b"):
        add_run(installation, name)
    page = open_models()
    chosen = "runs/20261123-1432-b/train/weights/best.pt"
    page.session_state["models_chosen"] = [chosen]
    page.text_input(key="models_filter").set_value("best").run()
    assert list(page.dataframe[0].value["file"]) == ["best.pt", "best.pt"]
    assert f"**{chosen}**" in [entry.value.replace("\\", "") for entry in page.markdown]
