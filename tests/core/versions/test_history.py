from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.core.errors import FileChanged, FileMissing, InputError, UnsafePath
from pipeline.core.versions import editing, history
from pipeline.core.versions.editing import (
    delete,
    digest_now,
    duplicate,
    open_text,
    restore,
    save_text,
)
from pipeline.core.versions.history import deleted_files, diff_versions, list_versions, read_version
from pipeline.core.volume.paths import Volume

FILE = "cfg-yaml/cfg-a.yaml"


@pytest.fixture
def here(tmp_path: Path) -> Volume:
    (tmp_path / "cfg-yaml").mkdir()
    return Volume(tmp_path)


def save(here: Volume, text: str, message: str = "", user: str = "kim") -> None:
    digest = digest_now(here, FILE)
    save_text(here, FILE, text, expected_sha256=digest, user=user, message=message)


def told(here: Volume, path: str = FILE) -> list[tuple[int, str, str, str]]:
    return [(v.number, v.action, v.user, v.message) for v in list_versions(here, path)]


def test_every_save_is_a_version_and_so_is_what_was_there_before(here: Volume) -> None:
    (here.root / FILE).write_text("epochs: 1\n")
    assert list_versions(here, FILE) == []
    save(here, "epochs: 2\n", "longer")
    save(here, "epochs: 3\n", "longer\n still ", user="이")
    assert told(here) == [
        (3, "saved", "이", "longer still"),
        (2, "saved", "kim", "longer"),
        (1, "found", "", ""),
    ]
    texts = [read_version(here, FILE, number) for number in (1, 2, 3)]
    assert texts == ["epochs: 1\n", "epochs: 2\n", "epochs: 3\n"]


def test_what_was_changed_outside_between_two_saves_is_kept(here: Volume) -> None:
    save(here, "epochs: 1\n")
    (here.root / FILE).write_text("epochs: 7\n")
    save(here, "epochs: 2\n")
    assert [entry[1] for entry in told(here)] == ["saved", "found", "saved"]
    assert read_version(here, FILE, 2) == "epochs: 7\n"


def test_versions_are_compared_with_each_other_and_with_the_file(here: Volume) -> None:
    save(here, "epochs: 1\n")
    save(here, "epochs: 2\n")
    (here.root / FILE).write_text("epochs: 3\n")
    assert "-epochs: 1\n+epochs: 2\n" in diff_versions(here, FILE, 1, 2)
    assert "-epochs: 2\n+epochs: 3\n" in diff_versions(here, FILE, 2)
    assert diff_versions(here, FILE, 2, 2) == ""


def test_restoring_adds_a_version(here: Volume) -> None:
    save(here, "epochs: 1\n")
    save(here, "epochs: 2\n")
    digest = digest_now(here, FILE)
    restored = restore(here, FILE, 1, expected_sha256=digest, user="lee")
    assert told(here)[0] == (3, "restored", "lee", "version 1")
    assert open_text(here, FILE) == ("epochs: 1\n", restored.sha256)
    with pytest.raises(FileChanged):
        restore(here, FILE, 2, expected_sha256=digest)


def test_a_deleted_file_stays_in_the_history_and_comes_back(here: Volume) -> None:
    (here.root / FILE).write_text("epochs: 1\n")
    gone = delete(here, FILE, expected_sha256=digest_now(here, FILE), user="kim")
    assert not (here.root / FILE).exists()
    assert (gone.number, gone.action, gone.sha256) == (2, "deleted", "")
    assert deleted_files(here) == [FILE]
    assert "-epochs: 1" in diff_versions(here, FILE, 1)
    assert read_version(here, FILE, 2) == ""
    with pytest.raises(InputError, match="deletion"):
        restore(here, FILE, 2, expected_sha256="")
    restore(here, FILE, 1, expected_sha256="")
    assert (here.root / FILE).read_text() == "epochs: 1\n"
    assert deleted_files(here) == []
    with pytest.raises(FileMissing):
        delete(here, "none.yaml", expected_sha256="")


def test_a_file_that_changed_is_not_deleted_and_a_link_neither(here: Volume) -> None:
    save(here, "epochs: 1\n")
    with pytest.raises(FileChanged):
        delete(here, FILE, expected_sha256="0" * 64)
    (here.root / "b.yaml").symlink_to(FILE)
    with pytest.raises(InputError, match=FILE):
        delete(here, "b.yaml", expected_sha256=digest_now(here, "b.yaml"))
    assert (here.root / FILE).exists()


def test_a_link_shares_the_history_of_what_it_leads_to(here: Volume) -> None:
    save(here, "epochs: 1\n")
    (here.root / "b.yaml").symlink_to(FILE)
    assert list_versions(here, "b.yaml") == list_versions(here, FILE) != []


def test_a_copy_says_where_it_comes_from_and_takes_no_name_that_is_taken(here: Volume) -> None:
    save(here, "epochs: 1\n")
    duplicate(here, FILE, "presets/short.yaml", user="kim")
    assert told(here, "presets/short.yaml") == [(1, "saved", "kim", f"copy of {FILE}")]
    with pytest.raises(FileChanged, match="exists already"):
        duplicate(here, "presets/short.yaml", FILE)


def test_a_torn_line_is_passed_over_and_keeps_its_number(here: Volume) -> None:
    save(here, "epochs: 1\n")
    log = here.root / ".history" / "files" / f"{FILE}.jsonl"
    whole = log.read_bytes()
    for torn in (whole + whole[:40], whole + b"\0" * 30, whole + b"[" * 100_000):
        log.write_bytes(torn)
        save(here, "epochs: 2\n")
        assert [entry[0] for entry in told(here)] == [3, 1]
        save(here, "epochs: 1\n")
        assert [entry[0] for entry in told(here)] == [4, 3, 1]


def test_a_version_that_cannot_be_written_is_none(
    here: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(here, "epochs: 1\n")

    def full(path: Path, content: bytes) -> None:
        if path.name == "cfg-a.yaml":
            raise OSError(28, "No space left on device")
        real(path, content)

    real = editing.write_atomic
    monkeypatch.setattr(editing, "write_atomic", full)
    with pytest.raises(InputError, match="No space left"):
        save(here, "epochs: 2\n")
    monkeypatch.undo()
    assert [entry[0] for entry in told(here)] == [1]
    assert (here.root / FILE).read_text() == "epochs: 1\n"
    save(here, "epochs: 3\n")
    assert read_version(here, FILE, 2) == "epochs: 3\n"


def test_damaged_or_missing_bytes_are_said(here: Volume) -> None:
    save(here, "epochs: 1\n")
    (content,) = (here.root / ".history" / "content").iterdir()
    content.write_bytes(b"epochs: 9\n")
    with pytest.raises(InputError, match="damaged"):
        read_version(here, FILE, 1)
    content.unlink()
    with pytest.raises(InputError, match="gone"):
        restore(here, FILE, 1, expected_sha256=digest_now(here, FILE))


def test_a_version_that_is_not_there_is_not_found(here: Volume) -> None:
    with pytest.raises(FileMissing, match="there are none"):
        read_version(here, FILE, 1)
    save(here, "epochs: 1\n")
    for number in (0, -1, 2):
        with pytest.raises(FileMissing, match="1 to 1"):
            diff_versions(here, FILE, number)


@pytest.mark.parametrize(
    "name", ["../a.yaml", "/etc/a.yaml", ".history/files/a.yaml", "runs/a/cfg.yaml", "a.pt", ""]
)
def test_only_files_of_people_have_a_history(here: Volume, name: str) -> None:
    with pytest.raises(UnsafePath):
        list_versions(here, name)


def test_a_history_that_leads_out_of_the_volume_is_refused(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume" / ".history").symlink_to(tmp_path)
    with pytest.raises(UnsafePath):
        save_text(Volume(tmp_path / "volume"), "a.yaml", "epochs: 1\n", expected_sha256="")
    assert [entry.name for entry in tmp_path.iterdir()] == ["volume"]


def test_a_pipe_in_place_of_a_list_is_refused(here: Volume) -> None:
    save(here, "epochs: 1\n")
    log = here.root / ".history" / "files" / f"{FILE}.jsonl"
    log.unlink()
    os.mkfifo(log)
    with pytest.raises(UnsafePath):
        save(here, "epochs: 2\n")


def test_many_who_save_leave_one_version_each(here: Volume) -> None:
    def save_own(number: int) -> str:
        path = f"cfg-{number % 4}.yaml"
        for _ in range(50):
            try:
                digest = digest_now(here, path)
                return save_text(here, path, f"epochs: {number}\n", expected_sha256=digest).sha256
            except FileChanged:
                continue
        raise AssertionError("never saved")

    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(save_own, range(32)))
    kept = [version for n in range(4) for version in list_versions(here, f"cfg-{n}.yaml")]
    assert len(kept) == 32 and {version.sha256 for version in kept} == digests


def test_a_message_has_its_limit_and_a_folder_that_is_read_only_is_said(
    here: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="201 letters"):
        save(here, "epochs: 1\n", "x" * (history.MAX_MESSAGE_LETTERS + 1))
    assert editing.why_read_only(here, FILE) == ""
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "cfg-yaml")
    assert "cfg-yaml/ cannot be written" in editing.why_read_only(here, FILE)
