from __future__ import annotations

import collections
import datetime
import os
import pathlib
import pickle
from pathlib import Path

from pipeline.core.weights.check import check_weights
from tests.weights_files import (
    PLAIN,
    checked,
    evil_weights,
    legacy,
    sound_weights,
    zipped,
)


def test_weights_of_plain_values_are_sound(tmp_path: Path) -> None:
    values = {
        **PLAIN,
        "order": collections.OrderedDict([("a", 1), ("b", [2.5, None, True])]),
        "date": datetime.datetime(2026, 11, 23, 14, 32),
        "path": pathlib.PurePosixPath("a/b"),
        "names": {0: "사각형", 1: "ring"},
        "set": {1, 2},
        "bytes": b"\xff\x00",
    }
    for protocol in range(6):
        data = pickle.dumps(values, protocol=protocol)
        assert checked(tmp_path, zipped(data)) == [], protocol
    assert checked(tmp_path, legacy(pickle.dumps(values, protocol=2))) == []
    assert checked(tmp_path, sound_weights()) == []


def test_an_empty_file_keeps_its_message(tmp_path: Path) -> None:
    (found,) = checked(tmp_path, b"")
    assert (found.code, found.message) == ("model-empty", "'weights/a.pt' is empty.")


def test_a_changed_file_is_read_again_even_with_the_same_size_and_time(tmp_path: Path) -> None:
    sound, path = sound_weights(), tmp_path / "a.pt"
    path.write_bytes(sound)
    assert check_weights(path, "a.pt") == []
    status = path.stat()
    evil = evil_weights(tmp_path / "mark")
    path.write_bytes(evil.ljust(len(sound), b"\0"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert check_weights(path, "a.pt") != []


def test_what_is_no_plain_file_or_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    for path in (tmp_path, tmp_path / "pipe.pt", tmp_path / "none.pt"):
        assert check_weights(path, "x.pt")[0].code == "bad-file"
