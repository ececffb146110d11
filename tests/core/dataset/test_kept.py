"""A dataset's report is given again while nothing changed, and never when something did."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.dataset.read import DatasetReport, inspect_dataset, load_dataset
from pipeline.core.volume.paths import Volume
from tests.core.dataset.forms import folders, lists, write_label

LABEL = "datasets/shapes/labels/train/train 0.txt"


@pytest.fixture(autouse=True)
def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests have just written counts as settled."""
    now_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + 3600 * 10**9)


@pytest.fixture(params=[folders, lists])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    request.param(tmp_path / "volume")
    return tmp_path / "volume"


def _inspect(root: Path, **roots: tuple[Path, ...]) -> DatasetReport:
    return inspect_dataset(Volume(root, **roots), "data-custom.yaml")


def test_an_unchanged_dataset_is_not_read_again(root: Path) -> None:
    assert _inspect(root) is _inspect(root)


def test_a_changed_label_shows_at_once(root: Path) -> None:
    before = _inspect(root)
    write_label(root / LABEL, ["0 .5 .5 .1 .1", "1 .5 .5 .2 .2", "1 .5 .5 .3 .3"])
    after = _inspect(root)
    assert after.splits["train"].instances != before.splits["train"].instances
    assert after.fingerprint != before.fingerprint


def test_a_changed_yaml_and_other_roots_are_other_questions(root: Path, tmp_path: Path) -> None:
    before = _inspect(root)
    assert _inspect(root, data_roots=(tmp_path,)) is not before
    data = root / "data-custom.yaml"
    data.write_text(data.read_text().replace("names:", "# a comment\nnames:"))
    assert _inspect(root) is not before


def test_an_image_that_now_lies_where_a_list_looks_first_is_found(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    lists(root)
    dataset = load_dataset(Volume(root), "data-custom.yaml")
    (dataset.root / "train.txt").write_text("images/train/train 0.jpg\n")
    before = _inspect(root)
    image = dataset.base / "images" / "train" / "train 0.jpg"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"x")
    assert _inspect(root).fingerprint != before.fingerprint


ANOTHER_PROCESS = """
import json, sys, time
from dataclasses import asdict
from pathlib import Path
from pipeline.core.dataset.read import inspect_dataset, read_boxes
from pipeline.core.volume.paths import Volume

now_ns, opened = time.time_ns, []
time.time_ns = lambda: now_ns() + 3600 * 10**9
volume, index, deep = Volume(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3] == "deep"

def watch(event, arguments):
    if event == "open" and str(arguments[0]).endswith((".txt", ".jpg", ".png")):
        opened.append(Path(arguments[0]).name)

sys.addaudithook(watch)
report = inspect_dataset(volume, "data-custom.yaml", deep=deep, index_folder=index)
read = list(opened)
boxes = read_boxes(volume, "data-custom.yaml", "train", deep=deep, index_folder=index)
print(json.dumps({
    "report": repr(report), "read": sorted(read), "again": len(opened) - len(read),
    "boxes": boxes.boxes.tolist(), "marks": {k: v.tolist() for k, v in boxes.marks.items()},
    "templates": [report.base_note.template, *(f.message.template for f in report.all_findings)],
    "values": [found.message.values for found in report.all_findings],
}))
"""


def _elsewhere(root: Path, how: str = "fast") -> dict[str, Any]:
    """Ask another process that has the same index; what it opens is told by Python itself."""
    command = [sys.executable, "-c", ANOTHER_PROCESS, str(root), str(root.parent / "index"), how]
    environment = os.environ | {"SLIPWAY_CODE_VERSION": "1"}  # else it reads the code
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert not done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_another_process_reads_nothing_while_nothing_changed(root: Path) -> None:
    first, second = _elsewhere(root), _elsewhere(root)
    labels = [name for name in first["read"] if name.startswith("train")]
    assert len(labels) > 1
    assert second["read"] == []
    assert second["report"] == first["report"] == repr(_inspect(root))
    assert (second["boxes"], second["marks"]) == (first["boxes"], first["marks"])


def test_one_changed_label_is_read_alone(root: Path) -> None:
    before = _elsewhere(root)
    write_label(root / LABEL, ["1 .5 .5 .1 .1", "1 .5 .5 .2 .2", "1 .5 .5 .3 .3"])
    after = _elsewhere(root)
    lists = {"train.txt", "val.txt", "test.txt"}
    assert set(after["read"]) - lists == {Path(LABEL).name}
    assert after["report"] == repr(_inspect(root)) != before["report"]
    assert after["boxes"] != before["boxes"]


def test_other_classes_need_no_label_to_be_read_again(root: Path) -> None:
    before, lists = _elsewhere(root), {"train.txt", "val.txt", "test.txt"}
    data = root / "data-custom.yaml"
    head, _, _ = data.read_text().partition("names:")
    data.write_text(f"{head}names: [a, b, c, d]\n")
    more = _elsewhere(root)
    assert set(more["read"]) <= lists
    assert more["report"] == repr(_inspect(root)) != before["report"]
    # The labels that show the class are wrong now, and say so line by line.
    data.write_text(f"{head}names: [a, b]\n")
    fewer = _elsewhere(root)
    assert "label-class-unknown" in fewer["report"]
    assert fewer["report"] == repr(_inspect(root))


def test_labels_with_mistakes_are_told_each_time(root: Path) -> None:
    write_label(root / LABEL, ["0 .5 .5 .1 .1", "0 .5 .5 .1 .1", "7 .5 .5 .2 .2"])
    _elsewhere(root)
    other = root / LABEL.replace("train 0", "train 3")
    write_label(other, ["1 .5 .5 .1 .1"])
    after = _elsewhere(root)
    assert "class 7 does not exist" in after["report"]
    assert after["report"] == repr(_inspect(root))
    assert {"train 0.txt", "train 3.txt"} <= set(after["read"])


@pytest.mark.parametrize("damage", [b"", b"PK no archive", None])
def test_a_damaged_index_counts_as_none(root: Path, damage: bytes | None) -> None:
    first = _elsewhere(root)
    (index,) = (root.parent / "index").glob("*.npz")
    index.write_bytes(index.read_bytes()[:-300] if damage is None else damage)
    report = inspect_dataset(Volume(root), "data-custom.yaml", index_folder=root.parent / "index")
    assert repr(report) == first["report"]


def test_an_index_that_cannot_be_written_hinders_nobody(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    for deep in (False, True):
        report = inspect_dataset(
            Volume(root), "data-custom.yaml", deep=deep, index_folder=tmp_path / "file"
        )
        assert report.splits["train"].images


def test_what_is_read_back_can_be_said_in_another_language(root: Path) -> None:
    write_label(root / LABEL, ["7 .5 .5 .2 .2"])
    (root / LABEL.replace("labels", "images").replace(".txt", ".jpg")).write_bytes(b"damaged")
    first = _elsewhere(root, "deep")
    (root / LABEL).touch()  # the images are known, and their mistakes
    for again in (_elsewhere(root, "deep"), _elsewhere(root, "deep")):
        assert again["templates"] == first["templates"]
        assert again["values"] == first["values"]
    assert "relative paths start at {base}" in first["templates"]
    assert "the image {mistake}; the training leaves it out." in first["templates"]


def test_an_image_is_opened_once(root: Path) -> None:
    first, second = _elsewhere(root, "deep"), _elsewhere(root, "deep")
    images = [name for name in first["read"] if not name.endswith(".txt")]
    assert images
    assert [name for name in second["read"] if not name.endswith(".txt")] == []
    assert second["report"] == first["report"]
    assert (first["again"], second["again"]) == (0, 0)
