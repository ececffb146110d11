"""A dataset's report is given again while nothing changed, and never when something did."""

import time
from pathlib import Path

import pytest

from pipeline.core.dataset import DatasetReport, inspect_dataset, load_dataset
from pipeline.core.volume import Volume
from tests.core.dataset_forms import folders, lists, write_label

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
