"""What was read is known to be out of date, however a file was changed."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.core.dataset.snapshot import Snapshot, stamp_of, state_of

WRITTEN_NS = time.time_ns()
LONG_AFTER_NS = WRITTEN_NS + 3600 * 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "image.jpg"):
        (tmp_path / name).write_text("0 0.5 0.5 0.1 0.1\n")
    return tmp_path


@pytest.fixture(autouse=True)
def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests have just written counts as settled."""
    monkeypatch.setattr(time, "time_ns", lambda: LONG_AFTER_NS)


def _snapshot(folder: Path, *files: str, read_at_ns: int = LONG_AFTER_NS) -> Snapshot:
    names = [path.name for path in folder.glob("*.txt")]
    return Snapshot(
        {str(folder): state_of(str(folder), names, read_at_ns)},
        {path: stamp_of(path, read_at_ns) for path in files},
    )


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
def test_a_change_is_seen(folder: Path, change: str) -> None:
    snapshot = _snapshot(folder)
    assert snapshot.is_current()
    CHANGES[change](folder)
    assert not snapshot.is_current()
    folder.chmod(0o700)


def test_what_a_link_leads_to_counts(folder: Path) -> None:
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").symlink_to(folder / "a.txt")
    snapshot = _snapshot(folder / "labels")
    assert snapshot.is_current()
    (folder / "a.txt").write_text("1 0.5 0.5 0.1 0.1\n")
    assert not snapshot.is_current()


def test_a_single_file_and_one_that_is_missing_count(folder: Path) -> None:
    lists = [str(folder / "image.jpg"), str(folder / "later")]
    for change in lists:
        snapshot = _snapshot(folder / "no such folder", *lists)
        assert snapshot.is_current()
        Path(change).write_text("x")
        assert not snapshot.is_current()


def test_what_has_just_changed_is_not_taken_for_settled(folder: Path) -> None:
    assert not _snapshot(folder, read_at_ns=WRITTEN_NS).is_current()
