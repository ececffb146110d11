import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError, SlipwayError, UnsafePath
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch, load_launch, new_launch_id
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import (
    claim,
    folder_of_run,
    list_run_folders,
    run_folder,
)


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_launch_id_is_a_kubernetes_name_whatever_was_typed(name: str, data: str) -> None:
    launch = new_launch_id(Choices(name=name, data=data))
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", launch)
    assert len(launch) <= 60


def test_a_launch_id_says_when_and_what() -> None:
    choices = Choices(model="yolov8n.pt", data="data-shapes")
    launch = new_launch_id(choices, datetime(2026, 11, 23, 14, 32, tzinfo=UTC))
    assert re.fullmatch(r"20261123-1432-shapes-yolov8n-[a-z2-9]{4}", launch)


def _launch() -> Launch:
    return Launch(
        id="20261123-1432-x-abcd",
        choices=Choices(overrides={"epochs": 3}, name="가"),
        model_path="yolov8n.pt",
        user="kim",
        created_at="2026-11-23T14:32:00.000Z",
        code_version="0.1.0",
        sha256={"cfg": "00"},
    )


def test_a_launch_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "launch.json"
    _launch().save(path)
    assert load_launch(path) == _launch()


def test_a_record_from_before_a_field_was_added_is_read(tmp_path: Path) -> None:
    path = tmp_path / "launch.json"
    _launch().save(path)
    document = json.loads(path.read_text())
    assert document.pop("from_trial") == ""
    path.write_text(json.dumps(document))
    assert load_launch(path) == _launch()


def test_a_launch_of_a_newer_or_broken_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "launch.json"
    _launch().save(path)
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "schema": 99}))
    with pytest.raises(InputError, match="schema 99"):
        load_launch(path)
    path.write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        load_launch(path)


def test_a_folder_belongs_to_the_first_run_that_claims_it(tmp_path: Path) -> None:
    volume = Volume(tmp_path)
    first = folder_of_run(volume, "launch-a", "uid-1111-one")
    claim(first, "uid-1111-one")
    claim(first, "uid-1111-one")
    assert folder_of_run(volume, "launch-a", "uid-1111-one") == first
    assert folder_of_run(volume, "launch-a", "uid-2222-two").name == "launch-a-uid-2222"
    assert folder_of_run(volume, "", "uid-3333").name == "uid-3333"
    with pytest.raises(SlipwayError, match="belongs to run uid-1111-one"):
        claim(first, "uid-2222-two")
    assert sorted(entry.name for entry in first.path.iterdir()) == ["owner"]


def test_run_folders_are_listed_newest_first(tmp_path: Path) -> None:
    volume = Volume(tmp_path)
    assert list_run_folders(volume) == []
    for name in ("20260101-a", "20270101-b", ".temporary"):
        run_folder(volume, name).path.mkdir(parents=True)
    assert [folder.name for folder in list_run_folders(volume)] == ["20270101-b", "20260101-a"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc"])
def test_a_launch_id_cannot_leave_the_runs_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafePath):
        run_folder(Volume(tmp_path), name)
