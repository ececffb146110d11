"""What is said about the data of two runs: never more than was compared."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from pipeline.actions.runs.same_data import SameData, same_data
from pipeline.core.dataset.image_files import image_files
from pipeline.core.dataset.read import inspect_dataset
from pipeline.core.files import read_text, write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder

DATA = "data-custom.yaml"


def run_of(volume: Path, name: str, *, looks_at_images: bool = True) -> RunFolder:
    """Leave what a launch and its verify step record of the data as it is now."""
    folder, place = RunFolder(volume / "runs" / name), Volume(volume)
    folder.images.parent.mkdir(parents=True)
    Launch(
        id=name,
        choices=Choices(),
        model_path="",
        user="kim",
        created_at="2026-11-23T14:32:00.000Z",
        code_version="0.1.0",
        dataset_fingerprint=inspect_dataset(place, DATA).fingerprint,
    ).save(folder.launch)
    if looks_at_images:
        write_json(folder.images, asdict(image_files(place, read_text(volume / DATA), DATA)))
    return folder


@pytest.fixture
def before(volume: Path) -> RunFolder:
    return run_of(volume, "before")


@pytest.fixture
def image(volume: Path) -> Path:
    return next((volume / "datasets").rglob("train/*.[jp]*g"))


def test_nothing_changed(volume: Path, before: RunFolder) -> None:
    assert same_data([before, run_of(volume, "after")]) is SameData.IMAGES


def test_an_image_was_replaced_under_its_name(volume: Path, before: RunFolder, image: Path) -> None:
    status = image.stat()
    image.write_bytes(image.read_bytes() + b"\0")
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert same_data([before, run_of(volume, "after")]) is SameData.SIZES


def test_times_alone_may_be_a_copy_s(volume: Path, before: RunFolder, image: Path) -> None:
    os.utime(image, (1, 1))
    assert same_data([before, run_of(volume, "after")]) is SameData.TIMES


def test_a_volume_that_lies_elsewhere_has_the_same_data(
    volume: Path, before: RunFolder, tmp_path: Path
) -> None:
    moved = Path(shutil.copytree(volume, tmp_path / "moved"))
    assert same_data([before, run_of(moved, "after")]) is SameData.IMAGES


def test_a_label_was_changed(volume: Path, before: RunFolder) -> None:
    label = next((volume / "datasets").rglob("labels/train/*.txt"))
    label.write_text("0 0.5 0.5 0.25 0.25\n")
    assert same_data([before, run_of(volume, "after")]) is SameData.DIFFERENT


def test_a_run_from_before_images_were_looked_at(volume: Path, before: RunFolder) -> None:
    after = run_of(volume, "after", looks_at_images=False)
    assert same_data([before, after]) is SameData.LABELS
    after.images.write_text('{"other": 1}')
    assert same_data([before, after]) is SameData.LABELS


def test_a_run_without_a_record_says_nothing(before: RunFolder) -> None:
    assert same_data([before, None]) is SameData.UNKNOWN
