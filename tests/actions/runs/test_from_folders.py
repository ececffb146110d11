"""Runs that engines have not listed, as their folders and a question tell of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import prepare, submit
from pipeline.actions.runs import change, find
from pipeline.actions.runs.model import Origin
from pipeline.actions.runs.page import page_of
from pipeline.core.files import write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.states import State
from pipeline.core.volume.run_folder import RunFolder
from pipeline.engines.base import Run


def launch(here: Installation, name: str) -> Run:
    chosen = Choices(model="yolov8n-scratch.yaml", train=False, name=name)
    return submit(here, prepare(here, chosen))


def test_runs_that_are_older_than_what_is_listed_are_asked_for(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [launch(here, f"run{number}") for number in range(3)]
    monkeypatch.setattr(find, "_LISTED", 1)
    monkeypatch.setattr(find, "_FIRST_LOOK", 1)
    found = page_of(here, {}).rows
    assert [row.facts.id for row in found] == [run.id for run in reversed(runs)]
    assert {(row.facts.origin, row.facts.state) for row in found} == {
        (Origin.ENGINE, State.PENDING)
    }


def test_all_runs_are_listed_though_their_engine_forgot_them(
    here: Installation, tmp_path: Path
) -> None:
    runs = [launch(here, f"run{number}") for number in range(3)]
    another = Installation(replace(here.settings, state=tmp_path / "another"))
    for _ in range(2):  # the second time nothing is asked
        rows = page_of(another, {}, sort="launch").rows
        assert [row.facts.name for row in rows] == sorted(run.launch for run in runs)
        assert {row.facts.origin for row in rows} == {Origin.RECORDED}
    assert page_of(another, {}, page=2, size=2).rows[0].facts.name == runs[0].launch
    shutil.rmtree(here.settings.volume / "runs" / runs[0].launch)
    assert page_of(another, {}).fitting == 2


def test_a_list_that_is_kept_shows_what_has_changed_since(
    here: Installation, tmp_path: Path
) -> None:
    runs = [launch(here, f"run{number}").launch for number in range(3)]
    folders = [RunFolder(here.settings.volume / "runs" / name) for name in runs]
    for folder in folders:
        write_json(folder.failure("verify"), {"error": "no.", "exit_code": 3})
    another = Installation(replace(here.settings, state=tmp_path / "another"))
    for _ in range(3):
        assert names(another) == runs[::-1]
    assert page_of(another, {}).states == [State.FAILED] * 3
    change.archive(another, runs[1])
    assert names(another) == [runs[2], runs[0]]
    own = launch(another, "own").launch
    assert names(another) == names(another) == [own, runs[2], runs[0]]
    shutil.rmtree(folders[0].path)
    assert names(another) == names(another) == [own, runs[2]]
    write_json(folders[2].ended, {"state": "stopped", "message": "", "steps": []})
    another.folders.look_at(runs[2])
    assert page_of(another, {}).states == [State.PENDING, State.STOPPED]


def names(here: Installation) -> list[str]:
    return [row.facts.name for row in page_of(here, {}).rows]
