"""Datasets: what is found in images, labels, lists and links, and by which file and line."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.core.dataset.read import inspect_dataset, write_verified_data
from pipeline.core.volume.paths import Volume
from tests.core.dataset.forms import (
    DATA,
    IMAGES,
    LABELS,
    bad_labels_and_images,
    findings_of,
    folders,
    lists,
    write_data,
    write_image,
    write_images,
    write_label,
)


def test_the_document_of_inspect(root: Path) -> None:
    write_label(root / LABELS / "train/train 0.txt", ["0 .5 .5 .1 .1", "0 .5 .5 .1 .1"])
    document = inspect_dataset(Volume(root), "data-custom.yaml").as_dict()
    json.dumps(document, allow_nan=False)
    assert document["data"] == "data-custom.yaml"
    assert document["names"] == {"0": "a", "1": "b", "2": "c"}
    train = document["splits"]["train"]
    assert {key: train[key] for key in ("images", "labels", "backgrounds", "dropped")} == {
        "images": 6,
        "labels": 4,
        "backgrounds": 2,
        "dropped": 1,
    }
    assert train["instances"] == sum(entry["instances"] for entry in train["classes"].values())
    assert set(train["classes"]["a"]) == {"images", "instances"}
    assert set(document["findings"][0]) == {
        "severity",
        "code",
        "message",
        "where",
        "count",
        "next",
    }


def test_a_bad_line_is_named_and_its_image_left_out(root: Path) -> None:
    before = inspect_dataset(Volume(root), "data-custom.yaml").splits["train"]
    write_label(
        root / LABELS / "train/train 2.txt", ["0 .5 .5 .1 .1", "3 .5 .5 .1 .1", "0 2 1 1 1"]
    )
    (unknown,) = findings_of(root, "label-class-unknown")
    assert (unknown.severity, unknown.where) == ("error", f"{LABELS}/train/train 2.txt:2")
    (outside,) = findings_of(root, "label-out-of-range")
    assert (outside.severity, outside.where) == ("warning", f"{LABELS}/train/train 2.txt:3")
    after = inspect_dataset(Volume(root), "data-custom.yaml").splits["train"]
    assert (after.instances, after.dropped) == (before.instances, before.dropped + 3)
    assert after.dropped_images == 1


def test_many_findings_of_a_kind_are_counted(root: Path) -> None:
    write_label(root / LABELS / "train/train 0.txt", ["0 .5 .5 .1"] * 300)
    found = findings_of(root, "label-malformed")
    assert (len(found), sum(finding.count for finding in found)) == (21, 300)


def test_images_and_labels_without_each_other(root: Path) -> None:
    write_label(root / LABELS / "train/lonely.txt", ["0 .5 .5 .1 .1"])
    write_label(root / LABELS / "val/deep/lonely.txt", [])
    (root / LABELS / "val/classes.txt").write_text("a\nb\n")
    assert [finding.where for finding in findings_of(root, "label-without-image")] == [
        f"{LABELS}/train/lonely.txt",
        f"{LABELS}/val/deep/lonely.txt",
    ]
    train, *_ = findings_of(root, "image-without-label")
    assert (train.where, train.count) == (f"{IMAGES}/train/train 2.jpg", 1)


def test_a_txt_list_that_leaves_images_out_makes_no_label_lonely(tmp_path: Path) -> None:
    lists(tmp_path)
    train = tmp_path / "datasets/shapes/train.txt"
    train.write_text("./images/train/train 0.jpg\n")
    codes = {
        finding.code for finding in inspect_dataset(Volume(tmp_path), "data-custom.yaml").findings
    }
    assert "label-without-image" not in codes


def test_an_empty_split_stops_a_launch(root: Path) -> None:
    (root / IMAGES / "none").mkdir()
    write_data(root, DATA.replace("images/val", "images/none"))
    (finding,) = findings_of(root, "split-empty")
    assert (finding.severity, finding.where) == ("error", "data-custom.yaml:3")


def test_a_training_without_any_label_is_stopped(root: Path) -> None:
    (root / LABELS).rename(root / "datasets/shapes/annotations")
    train, val, test = findings_of(root, "no-labels")
    assert (train.severity, val.severity, test.severity) == ("error", "warning", "warning")
    assert "datasets/shapes/labels/train/train 0.txt" in train.message


def test_splits_that_share_images(root: Path) -> None:
    write_data(root, DATA.replace("images/val", "[images/val, images/train]"))
    (finding,) = findings_of(root, "split-overlap")
    assert (finding.severity, finding.count) == ("warning", 6)


def test_shared_images_are_found_through_a_link(tmp_path: Path) -> None:
    write_images(tmp_path, "elsewhere/shapes")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets/shapes").symlink_to(tmp_path / "elsewhere/shapes")
    (tmp_path / "datasets/shapes/val.txt").write_text("shapes/images/train/train 0.jpg\n")
    write_data(tmp_path, DATA.replace("images/val", "val.txt"))
    (finding,) = findings_of(tmp_path, "split-overlap")
    assert finding.count == 1


def test_a_class_that_is_absent_from_a_split(root: Path) -> None:
    write_data(root, DATA.replace("[a, b, c]", "\n  0: a\n  1: b\n  2: c\n  3: d"))
    found = findings_of(root, "class-absent")
    assert [finding.where for finding in found][:1] == ["data-custom.yaml:9"]
    assert {finding.message.rpartition(" ")[2] for finding in found} >= {"train.", "val.", "test."}


def test_damaged_images_and_the_same_content_in_two_splits(root: Path) -> None:
    bad_labels_and_images(root)
    (root / IMAGES / "val/copy.jpg").write_bytes((root / IMAGES / "train/train 0.jpg").read_bytes())
    damaged = {finding.where for finding in findings_of(root, "image-damaged", deep=True)}
    assert damaged == {
        f"{IMAGES}/train/{name}" for name in ("cut.jpg", "narrow.png", "train 5.jpg")
    }
    assert findings_of(root, "image-unfinished", deep=True)[0].where == f"{IMAGES}/train/tail.jpg"
    (same,) = findings_of(root, "same-content", deep=True)
    assert same.where == f"{IMAGES}/val/copy.jpg"
    assert f"{IMAGES}/train/train 0.jpg" in same.message


def test_data_outside_the_volume_needs_the_setting(root: Path, tmp_path: Path) -> None:
    nas = tmp_path / "nas"
    write_images(nas, "shapes")
    os.rename(root / "datasets/shapes", root / "datasets/old")
    (root / "datasets/shapes").symlink_to(nas / "shapes")
    for finding in findings_of(root, "outside-volume"):
        assert finding.severity == "error"
        assert "SLIPWAY_DATA_ROOTS" in finding.next
    report = inspect_dataset(Volume(root, (nas,)), "data-custom.yaml")
    assert report.ok
    assert report.splits["train"].images == 6


def test_single_links_out_of_the_volume_are_found(root: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "secret.jpg")
    write_label(tmp_path / "secret.txt", ["0 .5 .5 .1 .1"])
    (tmp_path / "more").mkdir()
    (root / IMAGES / "train/x.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / LABELS / "train/train 2.txt").symlink_to(tmp_path / "secret.txt")
    (root / IMAGES / "val/more").symlink_to(tmp_path / "more")
    assert {finding.where for finding in findings_of(root, "outside-volume")} == {
        f"{IMAGES}/train/x.jpg",
        f"{LABELS}/train/train 2.txt",
        f"{IMAGES}/val/more",
    }


def test_a_labels_folder_outside_is_told_once(root: Path, tmp_path: Path) -> None:
    os.rename(root / LABELS / "train", tmp_path / "labels")
    (root / LABELS / "train").symlink_to(tmp_path / "labels")
    (finding,) = findings_of(root, "outside-volume")
    assert finding.where == f"{LABELS}/train"


def test_fifos_and_devices_are_named_and_never_opened(root: Path) -> None:
    os.mkfifo(root / IMAGES / "train/pipe.jpg")
    os.mkfifo(root / LABELS / "train/train 2.txt")
    (root / LABELS / "val/val 2.txt").symlink_to("/dev/zero")
    found = findings_of(root, "not-a-file", deep=True)
    assert {finding.where for finding in found} == {
        f"{IMAGES}/train/pipe.jpg",
        f"{LABELS}/train/train 2.txt",
    }
    assert findings_of(root, "outside-volume")[0].where == f"{LABELS}/val/val 2.txt"


def test_a_link_to_a_folder_above_is_not_followed(root: Path) -> None:
    (root / IMAGES / "train/again").symlink_to(root / "datasets")
    assert findings_of(root, "link-loop")[0].where == f"{IMAGES}/train/again"
    assert inspect_dataset(Volume(root), "data-custom.yaml").splits["train"].images == 6


def test_a_link_to_itself_is_an_image_that_is_missing(root: Path) -> None:
    (root / IMAGES / "train/self.jpg").symlink_to("self.jpg")
    assert findings_of(root, "image-missing")[0].where == f"{IMAGES}/train/self.jpg"
    assert inspect_dataset(Volume(root), "data-custom.yaml").splits["train"].images == 6


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/etc/a.jpg", "outside-volume"),
        ("../../../../etc/a.jpg", "outside-volume"),
        ("./images/train/../../../../../a.jpg", "outside-volume"),
        ("/etc/passwd", "list-line-ignored"),
        ("http://h/a.jpg", "image-missing"),
        ("ul://user/a.jpg", "image-missing"),
        ("file:///etc/a.jpg", "image-missing"),
    ],
)
def test_a_line_of_a_list_is_an_image_of_the_dataset_or_named(
    tmp_path: Path, line: str, code: str
) -> None:
    name = lists(tmp_path)
    train = tmp_path / "datasets/shapes/train.txt"
    train.write_text(f"./images/train/train 0.jpg\n{line}\n")
    found = {finding.where: finding.severity for finding in findings_of(tmp_path, code)}
    severity = "error" if code == "outside-volume" else "warning"
    assert found["datasets/shapes/train.txt:2"] == severity
    text = (tmp_path / name).read_text()
    written = write_verified_data(Volume(tmp_path), text, name, tmp_path / "out")
    entry = Path(yaml.safe_load(written.read_text())["train"]).read_text().splitlines()[1]
    assert entry.startswith("/")  # no address, for whoever opens it
    assert code == "list-line-ignored" or not Path(entry).exists()


def test_lines_of_a_list_that_lead_nowhere(tmp_path: Path) -> None:
    lists(tmp_path)
    train = tmp_path / "datasets/shapes/train.txt"
    train.write_text("\n./images/train/train 0.jpg\n./images/train/gone.jpg\n/etc/x.jpg\n../a b\n")
    assert findings_of(tmp_path, "image-missing")[0].where == "datasets/shapes/train.txt:3"
    assert findings_of(tmp_path, "outside-volume")[0].where == "datasets/shapes/train.txt:4"
    assert findings_of(tmp_path, "list-line-ignored")[0].where == "datasets/shapes/train.txt:5"


@pytest.mark.parametrize(
    ("content", "code"), [(b"\xff\xfe\x00", "list-unreadable"), (b"", "split-empty")]
)
def test_a_list_that_cannot_be_used(tmp_path: Path, content: bytes, code: str) -> None:
    lists(tmp_path)
    (tmp_path / "datasets/shapes/train.txt").write_bytes(content)
    assert findings_of(tmp_path, code)[0].severity == "error"


def test_an_image_in_place_of_a_list(root: Path) -> None:
    write_data(root, DATA.replace("images/val", "images/val/val 0.jpg"))
    assert findings_of(root, "split-invalid")[0].where == "data-custom.yaml:3"


def test_names_of_files_that_are_not_utf8(root: Path) -> None:
    folder = os.fsencode(root / IMAGES / "train")
    os.rename(folder + b"/train 2.jpg", folder + b"/\xff.jpg")
    report = inspect_dataset(Volume(root), "data-custom.yaml", deep=True)
    json.dumps(report.as_dict(), ensure_ascii=False).encode()
    assert report.splits["train"].images == 6


def test_the_fingerprint_follows_labels_and_lists_and_not_the_mount(tmp_path: Path) -> None:
    folders(tmp_path / "one")
    folders(tmp_path / "two")
    one, two = Volume(tmp_path / "one"), Volume(tmp_path / "two")
    first = inspect_dataset(one, "data-custom.yaml").fingerprint
    assert first == inspect_dataset(two, "data-custom.yaml").fingerprint
    write_label(tmp_path / "two" / LABELS / "val/val 2.txt", [])
    second = inspect_dataset(two, "data-custom.yaml").fingerprint
    (tmp_path / "two" / IMAGES / "val/val 2.jpg").unlink()
    third = inspect_dataset(two, "data-custom.yaml").fingerprint
    assert len({first, second, third}) == 3


@pytest.mark.parametrize("big_bytes", [0, 70_000])
def test_a_volume_that_answers_slowly_is_asked_by_several_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, big_bytes: int
) -> None:
    for name in ("quick", "slow"):
        folders(tmp_path / name)
        for number in range(200):
            (tmp_path / name / IMAGES / f"train/more {number}.jpg").touch()
            lines = [f"{number % 3} .5 .5 .1 .{number + 1}"]
            write_label(tmp_path / name / LABELS / f"train/more {number}.txt", lines)
        comments = "\n" * big_bytes
        (tmp_path / name / LABELS / "train/more 150.txt").write_text(f"0 .5 .5 .1 .1{comments}")
    quick = inspect_dataset(Volume(tmp_path / "quick"), "data-custom.yaml")
    threads, plain_open = set[int](), os.open

    def slow_open(path: Any, *args: Any, **kwargs: Any) -> int:
        if str(path).endswith(".txt"):
            threads.add(threading.get_ident())
            time.sleep(0.001)
        return plain_open(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", slow_open)
    slow = inspect_dataset(Volume(tmp_path / "slow"), "data-custom.yaml")
    assert len(threads) > 2
    assert slow.fingerprint == quick.fingerprint
    assert (slow.splits, slow.boxes) == (quick.splits, quick.boxes)
    assert slow.findings == quick.findings


def test_a_damaged_image_is_no_background(root: Path) -> None:
    for label in (root / "datasets/shapes/labels/val").glob("*.txt"):
        label.write_text("")
    image = next((root / "datasets/shapes/images/val").glob("*.jpg"))
    image.write_bytes(b"no image")
    counts = inspect_dataset(Volume(root), "data-custom.yaml", deep=True).splits["val"]
    assert (counts.images, counts.dropped_images, counts.backgrounds) == (4, 1, 3)
