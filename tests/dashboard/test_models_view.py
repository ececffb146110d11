import json
import os
from pathlib import Path

from streamlit.testing.v1 import AppTest

from pipeline.core.launch import Choices, Launch
from pipeline.core.run_folder import RunFolder


def script() -> None:
    from dashboard.errors import guarded
    from dashboard.views import models

    guarded(models.render)()


def open_models(**query: str) -> AppTest:
    page = AppTest.from_function(script, default_timeout=30)
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


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
