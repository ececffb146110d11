import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.dataset.read import inspect_dataset, read_boxes
from pipeline.core.dataset.samples import Samples, Wanted, look_at, samples_of
from pipeline.core.dataset.thumbnails import Thumbnails
from pipeline.core.volume.paths import Volume

DATA = "data-custom.yaml"
LABELS = "datasets/shapes/labels/train"
IMAGES = "datasets/shapes/images/train"


def samples(folder: Path) -> Samples:
    volume = Volume(folder)
    report = inspect_dataset(volume, DATA)
    tables = {split: read_boxes(volume, DATA, split) for split in report.splits}
    return samples_of(volume, tables, report.all_findings)


def names(found: Samples, wanted: Wanted) -> list[str]:
    return [os.path.basename(found.name_of(int(index))) for index in found.choose(wanted)]


def test_every_image_knows_its_split(volume: Path) -> None:
    found = samples(volume)
    assert len(found.choose(Wanted())) == 24
    index = found.find("datasets/shapes/images/val/val-0000.jpg")
    assert index is not None and found.split_of(index) == "val"
    assert names(found, Wanted(split="test")) == ["test-0000.jpg", "test-0001.jpg"]


def test_images_are_chosen_by_class_and_kind(volume: Path) -> None:
    for number in range(17):
        (volume / LABELS / f"train-{number:04d}.txt").write_text("1 0.5 0.5 0.2 0.2\n")
    (volume / LABELS / "train-0003.txt").write_text("2 0.5 0.5 0.2 0.2\n")
    (volume / LABELS / "train-0004.txt").write_text("")
    found = samples(volume)
    assert names(found, Wanted(split="train", class_id=2)) == ["train-0003.jpg"]
    assert names(found, Wanted(split="train", kind="background")) == ["train-0004.jpg"]
    assert len(names(found, Wanted(split="train", kind="labelled"))) == 16
    assert names(found, Wanted(split="train", class_id=0)) == []


def test_findings_belong_to_images(volume: Path) -> None:
    (volume / LABELS / "train-0003.txt").write_text("9 0.5 0.5 0.2 0.2\n")
    (volume / LABELS / "train-0005.txt").write_text("0 0.5 0.5 0.2 0.2\n" * 2)
    found = samples(volume)
    assert {"label-class-unknown", "label-duplicate"} <= set(found.codes())
    assert names(found, Wanted(code="label-class-unknown")) == ["train-0003.jpg"]
    index = found.find(f"{LABELS}/train-0005.txt")
    assert index == found.find(f"{IMAGES}/train-0005.jpg") and index is not None
    assert [finding.code for finding in found.findings_of(index)] == ["label-duplicate"]
    assert found.findings_of(0) == []


def test_a_path_of_no_image_is_not_found(volume: Path) -> None:
    assert samples(volume).find("data-custom.yaml") is None
    assert samples(volume).find("") is None


def test_a_dataset_without_images_has_no_samples() -> None:
    empty = samples_of(Volume(Path("/nowhere")), {}, [])
    assert empty.choose(Wanted()).tolist() == [] and empty.codes() == []
    assert empty.box_images.dtype.kind == "i" and np.size(empty.box_classes) == 0


def test_a_look_gives_what_can_be_had(volume: Path, tmp_path: Path) -> None:
    kept = Thumbnails(tmp_path / "kept")

    def look(name: str) -> tuple[bool, bool, str]:
        path = str(volume / IMAGES / name)
        found = look_at(Volume(volume), kept, path, class_count=3, keypoint_columns=0, side_px=64)
        return found.picture is not None, found.labels is not None, found.mistake

    assert look("train-0000.jpg") == (True, True, "")
    (volume / IMAGES / "train-0000.jpg").write_bytes(b"no image")
    has_picture, has_labels, mistake = look("train-0000.jpg")
    assert (has_picture, has_labels) == (False, True) and "cannot be decoded" in mistake
    (volume / LABELS / "train-0001.txt").unlink()
    os.mkfifo(volume / LABELS / "train-0001.txt")
    has_picture, has_labels, mistake = look("train-0001.jpg")
    assert (has_picture, has_labels) == (True, False) and "plain file" in mistake


@pytest.mark.parametrize("count", [1, 3])
def test_splits_stand_one_behind_the_other(volume: Path, count: int) -> None:
    found = samples(volume)
    chosen = found.choose(Wanted(split=("train", "val", "test")[count - 1]))
    assert (np.diff(chosen) == 1).all()
    assert chosen[0] == sum((found.split_ids < count - 1).tolist())
