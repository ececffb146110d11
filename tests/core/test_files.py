import os
from pathlib import Path

import pytest

from pipeline.core.errors import FileMissing, InputError, UnsafePath
from pipeline.core.files import read_bytes, read_text, write_atomic, write_json


def test_a_write_replaces_the_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.yaml"
    write_atomic(path, "one")
    write_atomic(path, b"two")
    assert path.read_text() == "two"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.yaml"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.mkdir()
    (path / "inside").write_text("kept")
    with pytest.raises(OSError):
        write_atomic(path, "new")
    assert (path / "inside").read_text() == "kept"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_json_has_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_odd_files_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(UnsafePath):
        read_bytes(fifo)
    with pytest.raises(UnsafePath):
        read_bytes(Path("/dev/zero"))
    with pytest.raises(UnsafePath):
        read_bytes(tmp_path)
    with pytest.raises(FileMissing):
        read_bytes(tmp_path / "none")


def test_a_file_over_the_limit_is_refused_with_its_size(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * 11)
    with pytest.raises(InputError, match="11 bytes"):
        read_bytes(path, limit_bytes=10)


def test_text_loses_its_byte_order_mark_and_names_the_line_of_a_bad_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeff가: 1\r\n".encode())
    assert read_text(path) == "가: 1\r\n"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(InputError) as caught:
        read_text(path, shown_as="a.yaml")
    assert caught.value.where == "a.yaml:2"


@pytest.mark.parametrize("mode", [0o777, 0o2775, 0o755])
def test_folder_is_as_open_as_the_one_that_it_is_made_in(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    write_atomic(tmp_path / "runs" / "one" / "cfg.yaml", "epochs: 1\n")
    made = [tmp_path / "runs", tmp_path / "runs" / "one"]
    assert [path.stat().st_mode & 0o7777 for path in made] == [mode, mode]
