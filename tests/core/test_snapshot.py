"""What was read is known to be out of date, however a file was changed."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.core.snapshot import Snapshot, take_snapshot

LONG_AFTER_NS = time.time_ns() + 3600 * 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "image.jpg"):
        (tmp_path / name).write_text("0 0.5 0.5 0.1 0.1\n")
    return tmp_path


def _taken(folder: Path, monkeypatch: pytest.MonkeyPatch, *files: str) -> Snapshot:
    """Take a snapshot as if an hour had gone by since the files were written."""
    with monkeypatch.context() as patched:
        patched.setattr(time, "time_ns", lambda: LONG_AFTER_NS)
        snapshot = take_snapshot([str(folder)], files, LONG_AFTER_NS)
    assert snapshot
    return snapshot


def _rewrite_and_set_the_time_back(folder: Path) -> None:
    label = folder / "a.txt"
    before = label.stat()
    label.write_text("1 0.5 0.5 0.1 0.1\n")  # as long as before
    os.utime(label, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a label is written to": lambda folder: (folder / "a.txt").write_text("1 0.5 0.5 0.1 0.1\n"),
    "a label is written to, and its time set back": _rewrite_and_set_the_time_back,
    "a label comes": lambda folder: (folder / "c.txt").write_text(""),
    "a label goes": lambda folder: (folder / "a.txt").unlink(),
    "a label is renamed": lambda folder: (folder / "a.txt").rename(folder / "c.txt"),
    "an image comes": lambda folder: (folder / "more.jpg").write_bytes(b""),
    "the folder may no longer be read": lambda folder: folder.chmod(0o300),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(folder: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = _taken(folder, monkeypatch)
    assert snapshot.is_current
    CHANGES[change](folder)
    assert not snapshot.is_current
    folder.chmod(0o700)


def test_what_a_link_leads_to_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").symlink_to(folder / "a.txt")
    snapshot = _taken(folder / "labels", monkeypatch)
    (folder / "a.txt").write_text("1 0.5 0.5 0.1 0.1\n")
    assert not snapshot.is_current


def test_a_single_file_and_one_that_is_missing_count(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = [str(folder / "image.jpg"), str(folder / "later")]
    for change in (lists[0], lists[1]):
        snapshot = _taken(folder / "no such folder", monkeypatch, *lists)
        Path(change).write_text("x")
        assert not snapshot.is_current


def test_what_has_just_changed_is_not_taken_for_settled(folder: Path) -> None:
    assert take_snapshot([str(folder)], [], time.time_ns()) is None
