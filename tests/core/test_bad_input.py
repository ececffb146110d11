"""Whatever people type or put on a volume: findings or our own errors, and nothing outside read.

``HYPOTHESIS_PROFILE=deep`` tries 10,000 examples of each instead of 500.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.core.checks.file import check_file
from pipeline.core.checks.preflight import preflight
from pipeline.core.dataset.read import inspect_dataset
from pipeline.core.errors import SlipwayError
from pipeline.core.launch.choices import Choices
from pipeline.core.versions.editing import save_text
from pipeline.core.volume.paths import Volume
from tests.core.dataset.forms import folders

SECRET = "outside-of-everything"
_opened: list[str] = []
_is_watching = False


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    opens = _is_watching and event in ("open", "os.listdir", "os.scandir")
    if opens and isinstance(arguments[0], (str, bytes, os.PathLike)):
        _opened.append(os.fsdecode(arguments[0]))


sys.addaudithook(_note)
LENIENT = settings(
    deadline=None,
    max_examples=10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 500,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PIECES = (
    *("data-custom", "yolov8n-scratch.yaml", ".yaml", ".pt", "/", "..", "../", ".", "~", " "),
    *(f"../{SECRET}/data", f"link/{SECRET}.yaml", "link", "fifo", "runs/", "\0", "\n", "\ud800"),
    *("\udc80", "\u202e", "한글", "a" * 300, "/dev/zero", "/etc/passwd", "C:\\", "%00", "{x}"),
)
NAMES = st.one_of(st.lists(st.sampled_from(PIECES), max_size=4).map("".join), st.text(max_size=20))
YAML_PIECES = (
    *("path: .", "train: ", "val: images/val", "names: ", "nc: ", "3", "[a, b]", "{0: a, 1: b}"),
    *("\n", "  ", "- ", ": ", "&a ", "*a", "!!python/object:os.system ", "<<: ", "? ", "|\n", "'"),
    *(f"../{SECRET}", f"link/{SECRET}", "fifo", "/dev/zero", "images/train", "\t", "\ufeff"),
    *("\ud800", "\x00", "\x85", "1e999", ".nan", "0x", "~", "---\n", "epochs: -1", "lr0: ", "#"),
    *("[" * 3000, "- " * 3000, "1" + ":1" * 300, "0x" + "f" * 5000, "9" * 5000, "nc: ", "space: "),
)
TEXTS = st.one_of(
    st.lists(st.sampled_from(YAML_PIECES), max_size=14).map("".join), st.text(max_size=60)
)
LINES = st.lists(
    st.sampled_from(("0", "1", " ", "0.5", "\n", "nan", "inf", "-1", "1e39", "9" * 400, "\t", "é")),
    max_size=30,
).map("".join)


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    """A volume with a link out of it and a FIFO; what is outside must never be opened."""
    global _is_watching
    folders(tmp_path / "volume")
    outside = tmp_path / SECRET
    outside.mkdir()
    (outside / f"{SECRET}.yaml").write_text("epochs: 1\n")
    (tmp_path / "volume" / "link").symlink_to(outside)
    os.mkfifo(tmp_path / "volume" / "fifo")
    os.mkfifo(tmp_path / "volume" / "fifo.yaml")
    _opened.clear()
    _is_watching = True
    yield Volume(tmp_path / "volume")
    _is_watching = False
    forbidden = (str(outside), "/dev/zero")
    assert not [path for path in _opened if os.path.realpath(path).startswith(forbidden)]


def tolerated(action: Callable[[], Any]) -> None:
    """Run it; our own errors must be sayable, and others are the test's failure."""
    try:
        action()
    except SlipwayError as reason:
        str(reason).encode()


@LENIENT
@given(NAMES)
@example("../" * 30)
def test_names_that_people_type(volume: Volume, name: str) -> None:
    for kind in ("model", "cfg", "data", "tune"):
        tolerated(lambda kind=kind: volume.resolve(kind, name))
    found = preflight(volume, Choices(model=name, cfg=name, data=name))
    assert not found.ok or found.resolved


@LENIENT
@given(NAMES, TEXTS)
def test_texts_that_people_save(volume: Volume, name: str, text: str) -> None:
    for path in (name, "data-custom.yaml", "cfg-x.yaml", "tune-x.yaml", "yolov8-x.yaml"):
        tolerated(lambda path=path: check_file(volume, path, text))
    tolerated(lambda: save_text(volume, f"{name}.yaml", text, expected_sha256=""))


@LENIENT
@given(TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=60))
def test_data_yaml_of_any_bytes(volume: Volume, data: bytes) -> None:
    volume.path("data-x.yaml").write_bytes(data)
    report = inspect_dataset(volume, "data-x.yaml")
    assert report.findings or report.splits
    for finding in report.findings:
        f"{finding.message}{finding.where}".encode()


@LENIENT
@given(LINES.map(str.encode) | st.binary(max_size=60), LINES)
def test_labels_and_lists_of_any_bytes(volume: Volume, label: bytes, listed: str) -> None:
    (image,) = sorted(volume.root.rglob("images/train/*.jpg"))[:1] or [None]
    assert image is not None
    target = Path(str(image).replace("/images/", "/labels/")).with_suffix(".txt")
    target.write_bytes(label)
    volume.path("list.txt").write_text(f"{listed}\n../{SECRET}/a.jpg\nlink/a.jpg\nfifo\n")
    inspect_dataset(volume, "data-custom.yaml")
    volume.path("data-l.yaml").write_text("train: list.txt\nval: list.txt\nnames: [a, b]\n")
    assert inspect_dataset(volume, "data-l.yaml").findings


def test_a_label_file_of_no_sane_size_is_not_read(volume: Volume) -> None:
    label = next(volume.root.rglob("labels/train/*.txt"))
    with open(label, "wb") as file:
        file.truncate(1 << 30)  # a hole: it takes no room on the disk
    (finding,) = (
        found
        for found in inspect_dataset(volume, "data-custom.yaml").findings
        if found.code == "label-malformed"
    )
    assert "too large" in finding.message
