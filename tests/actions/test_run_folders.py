"""Folders of launches are read once, and again when something in them was replaced."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.actions.run_folders import RunFolders
from pipeline.core.files import write_atomic, write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder


@pytest.fixture
def index(tmp_path: Path) -> RunFolders:
    return open_again(tmp_path)


def open_again(tmp_path: Path) -> RunFolders:
    (tmp_path / "volume").mkdir(exist_ok=True)
    return RunFolders(Volume(tmp_path / "volume"), tmp_path / "state" / "run-folders.db")


def recorded(tmp_path: Path, name: str, user: str = "kim") -> RunFolder:
    folder = RunFolder(tmp_path / "volume" / "runs" / name)
    folder.path.mkdir(parents=True)
    Launch(name, Choices(train=False), "m.yaml", user, "2026-11-30T08:00:00.000Z", "0").save(
        folder.launch
    )
    return folder


def users(index: RunFolders) -> list[str]:
    return [entry.launch.user if entry.launch else "?" for entry in index.all()]


def test_what_was_read_is_kept_for_the_next_process(index: RunFolders, tmp_path: Path) -> None:
    folders = [recorded(tmp_path, name, user) for name, user in (("a", "ann"), ("b", "bob"))]
    told: list[tuple[int, int]] = []
    assert [entry.name for entry in index.all(lambda *so_far: told.append(so_far))] == ["b", "a"]
    assert told == [(2, 2)]
    text = folders[0].launch.read_text()
    folders[0].launch.write_text(text.replace("ann", "eve"))  # in place, which nobody of us does
    assert users(index) == users(open_again(tmp_path)) == ["bob", "ann"]
    write_atomic(folders[0].launch, text.replace("ann", "eve"))
    assert users(index) == users(open_again(tmp_path)) == ["bob", "eve"]


def test_what_was_kept_says_the_same_as_what_was_read(index: RunFolders, tmp_path: Path) -> None:
    folder = recorded(tmp_path, "a")
    write_json(folder.failure("verify"), {"error": "no.", "exit_code": 3})
    write_atomic(folder.owner, "uid-1")
    recorded(tmp_path, "b").launch.write_text("{")
    index.all()
    index.set_unknown({"a": "local"})
    read, kept = index.all(), open_again(tmp_path).all()
    for before, after in zip(read, kept, strict=True):
        assert replace(before, document="") == replace(after, document="")
        assert before.as_dict() == after.as_dict()
        assert (before.launch, before.ending, before.note) == (
            after.launch,
            after.ending,
            after.note,
        )


def test_an_end_that_comes_later_is_seen(index: RunFolders, tmp_path: Path) -> None:
    folder = recorded(tmp_path, "a")
    assert index.all()[0].state == "unknown"
    folder.step("verify").mkdir()
    index.all()
    write_json(folder.failure("verify"), {"error": "no.", "exit_code": 3})
    assert index.all()[0].state == "failed"


def test_a_folder_that_is_gone_is_forgotten(index: RunFolders, tmp_path: Path) -> None:
    folder = recorded(tmp_path, "a")
    assert len(index.all()) == 1
    shutil.rmtree(folder.path)
    assert index.all() == open_again(tmp_path).all() == []
    recorded(tmp_path, "a", "lee")
    assert users(index) == users(open_again(tmp_path)) == ["lee"]


def test_a_folder_without_a_record_is_one_whose_launch_is_not_known(
    index: RunFolders, tmp_path: Path
) -> None:
    recorded(tmp_path, "a").launch.write_text("{")
    assert (index.all()[0].launch, index.all()[0].created_at) == (None, "")


def test_the_engine_that_does_not_know_a_run_is_kept_until_the_folder_changes(
    index: RunFolders, tmp_path: Path
) -> None:
    folder = recorded(tmp_path, "a")
    index.all()
    index.set_unknown({"a": "local"})
    assert index.all()[0].unknown_to == open_again(tmp_path).all()[0].unknown_to == "local"
    write_atomic(folder.owner, "uid-1")
    assert (index.all()[0].unknown_to, index.all()[0].owner) == ("", "uid-1")


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00" + b"x" * 4000])
def test_a_damaged_file_is_made_anew(tmp_path: Path, content: bytes) -> None:
    recorded(tmp_path, "a")
    path = tmp_path / "state" / "run-folders.db"
    path.parent.mkdir()
    path.write_bytes(content)
    index = open_again(tmp_path)
    assert users(index) == users(index) == ["kim"]
    recorded(tmp_path, "b", "lee")
    assert users(index) == users(open_again(tmp_path)) == ["lee", "kim"]


def test_a_document_of_another_version_is_read_anew(index: RunFolders, tmp_path: Path) -> None:
    recorded(tmp_path, "a")
    index.all()
    document = json.dumps({"something": "else"})
    with sqlite3.connect(tmp_path / "state" / "run-folders.db") as database:
        database.execute("UPDATE answers SET document = ?", (document,))
    database.close()
    assert users(open_again(tmp_path)) == ["kim"]


def test_what_else_is_read_of_runs_that_are_over_is_kept_until_their_folder_changes(
    index: RunFolders, tmp_path: Path
) -> None:
    over, live = recorded(tmp_path, "over"), recorded(tmp_path, "live")
    write_json(over.failure("verify"), {"error": "no.", "exit_code": 3})
    asked: list[str] = []

    def name(folder: RunFolder) -> str:
        asked.append(folder.name)
        return folder.name

    def kept(index: RunFolders) -> dict[str, str]:
        index.all()
        return index.kept("name", ["over", "live", "gone"], name)

    assert kept(index) == kept(index) == {"over": "over", "live": "live"}
    assert kept(open_again(tmp_path)) == kept(index)
    assert sorted(asked) == ["live"] * 4 + ["over"]
    write_json(over.failure("verify"), {"error": "no!", "exit_code": 3})
    assert kept(index) and asked.count("over") == 2
    index.look_at("over")  # something deep in it was written, which does not show in its times
    assert kept(index) and asked.count("over") == 3
    shutil.rmtree(live.path)
    assert kept(index) == {"over": "over"}


def test_a_folder_that_is_looked_at_again_is_read_only_when_it_changed(
    index: RunFolders, tmp_path: Path
) -> None:
    folder = recorded(tmp_path, "a")
    (before,) = index.all()
    index.look_again(["a", "never there"])
    assert index.get("a") is before
    write_atomic(folder.owner, "uid-1")
    index.look_again(["a"])
    assert index.get("a").owner == "uid-1"
