"""Small datasets in every form of data yaml that Ultralytics takes."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from pipeline.core.dataset.read import inspect_dataset
from pipeline.core.findings import Finding
from pipeline.core.volume.paths import Volume

DATA = "path: shapes\ntrain: images/train\nval: images/val\ntest: images/test\nnames: [a, b, c]\n"
LABELS = "datasets/shapes/labels"
IMAGES = "datasets/shapes/images"
Build = Callable[[Path], str]
SPLITS = {"train": 6, "val": 4, "test": 3}


def findings_of(root: Path, code: str, *, deep: bool = False, **roots: Any) -> list[Finding]:
    """Inspect data-custom.yaml and give its findings of one kind; there must be some."""
    report = inspect_dataset(Volume(root, **roots), "data-custom.yaml", deep=deep)
    found = [finding for finding in report.findings if finding.code == code]
    assert found, report.findings
    return found


def write_images(root: Path, folder: str = "datasets/shapes", *, suffix: str = ".jpg") -> None:
    """Write three splits of tiny images with labels; some have an empty label file, some none."""
    rng = random.Random(7)
    for split, count in SPLITS.items():
        for index in range(count):
            write_image(root / folder / f"images/{split}/{split} {index}{suffix}", rng.random())
            lines = [_line(rng) for _ in range(rng.randrange(1, 4))]
            if index == 1:
                lines = []
            if index != 2:
                write_label(root / folder / f"labels/{split}/{split} {index}.txt", lines)


def write_image(path: Path, brightness: float = 0.5) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    color = int(brightness * 0xFFFFFF)
    Image.new("RGB", (16, 16), f"#{color:06x}").save(path)


def write_label(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_data(root: Path, text: str, name: str = "data-custom.yaml") -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return name


def folders(root: Path) -> str:
    write_images(root)
    splits = "train: images/train\nval: images/val\ntest: images/test\n"
    return write_data(root, f"path: shapes\n{splits}names: [a, b, c]\n")


def absolute(root: Path) -> str:
    write_images(root)
    shapes = root / "datasets/shapes"
    text = f"path: {shapes}\ntrain: images/train\nval: {shapes}/images/val\n"
    return write_data(root, f"{text}nc: 3\nnames:\n  '2': c\n  0: a\n  1: b\n")


def beside_the_images(root: Path) -> str:
    write_images(root, "datasets/shapes")
    return write_data(
        root, "train: images/train\nvalidation: images/val\nnc: '3'\n", "datasets/shapes/data.yaml"
    )


def exporter_style(root: Path) -> str:
    write_images(root)
    text = "train: ../images/train\nval: ../images/val\nnc: 3.0\nnames: ['a', 'b', 'c']\n"
    return write_data(root, text, "datasets/shapes/data.yaml")


def windows_and_korean(root: Path) -> str:
    write_images(root, "datasets/도형 세트", suffix=".JPG")
    lines = [
        "path: 도형 세트",
        "train: images/train",
        "val: images/val",
        "names: [원, 네모, 세모 꼴]",
    ]
    text = "\ufeff" + "".join(f"{line}\r\n" for line in lines)
    return write_data(root, text, "data-yaml/데이터 하나.yaml")


def lists(root: Path) -> str:
    write_images(root)
    shapes = root / "datasets/shapes"
    train = sorted((shapes / "images/train").iterdir())
    val = sorted((shapes / "images/val").iterdir())
    beside = "".join(f"./images/train/{path.name}\r\n" for path in train)
    (shapes / "train.txt").write_bytes(f"\ufeff\r\n{beside}\r\n".encode())
    (shapes / "val.txt").write_text("\n".join(map(str, val)) + "\nnotes.md\n", encoding="utf-8")
    text = "path: datasets/shapes\ntrain: train.txt\nval: val.txt\ntest: [images/test]\n"
    return write_data(root, f"{text}names: {{0: a, 1: b, 2: c}}\n")


def lists_from_base(root: Path) -> str:
    write_images(root)
    shapes = root / "datasets/shapes"
    for split, prefix in (("train", "shapes/"), ("val", "")):
        paths = sorted((shapes / "images" / split).iterdir())
        lines = [f"{prefix}images/{split}/{path.name}" for path in paths]
        (shapes / f"{split}.txt").write_text("\n".join(lines), encoding="utf-8")
    return write_data(root, "path: shapes\ntrain: train.txt\nval: val.txt\nnames: [a, b, c]\n")


def mixed_lists(root: Path) -> str:
    write_images(root)
    write_images(root, "datasets/more", suffix=".png")
    shapes = root / "datasets/shapes"
    (shapes / "some.txt").write_text("./images/val/val 0.jpg\n./images/val/val 3.jpg\n")
    text = "path: shapes\ntrain:\n- images/train\n- ../more/images/train\n- images/train\n"
    return write_data(root, f"{text}val: [some.txt, ../more/images/val]\nnames: [a, b, c]\n")


def nested_and_hidden(root: Path) -> str:
    folder = "datasets/shapes"
    write_images(root, folder)
    for name in ("deep/er/x.png", ".hidden/x.png", ".x.png", "two.dots.jpeg", "images/x.BMP"):
        write_image(root / folder / "images/train" / name)
    write_label(root / folder / "labels/train/deep/er/x.txt", ["0 .5 .5 .1 .1"])
    write_label(root / folder / "labels/train/two.dots.txt", ["1 .5 .5 .1 .1"])
    write_label(root / folder / "images/train/labels/x.txt", ["2 .5 .5 .1 .1"])
    (root / folder / "images/train/notes.md").write_text("not an image")
    return write_data(root, "path: shapes\ntrain: images\nval: images/val\nnames: [a, b, c]\n")


def without_images_folder(root: Path) -> str:
    for split in ("train", "val"):
        write_image(root / f"datasets/flat/{split}/x.png")
        write_label(root / f"datasets/flat/{split}/x.txt", ["0 .5 .5 .2 .2"])
    return write_data(root, "path: flat\ntrain: train\nval: val\nnc: 1\n")


def linked(root: Path) -> str:
    write_images(root, "elsewhere/shapes")
    (root / "datasets").mkdir(parents=True)
    (root / "datasets/shapes").symlink_to(root / "elsewhere/shapes")
    images = root / "elsewhere/shapes/images"
    (images / "train/linked.jpg").symlink_to(images / "val/val 0.jpg")
    (images / "train/more").symlink_to(images / "test")
    write_label(root / "elsewhere/shapes/labels/train/linked.txt", ["2 .5 .5 .1 .1"])
    return write_data(
        root, "path: shapes\ntrain: images/train\nval: images/val\nnames: [a, b, c]\n"
    )


def bad_labels_and_images(root: Path) -> str:
    name = folders(root)
    shapes = root / "datasets/shapes"
    labels, images = shapes / "labels/train", shapes / "images/train"
    write_label(labels / "train 0.txt", ["0 .5 .5 .1 .1", "0 .5 .5 .1 .1", "1 .2 .2 .1 .1"])
    write_label(labels / "train 3.txt", ["0 .5 .5 .1 .1", "0 .5 .5 .1"])
    write_label(labels / "train 4.txt", ["0 .1 .1 .2 .2 .3 .1", "1 .4 .4 .5 .4 .5 .5 .4 .5"])
    (images / "train 5.jpg").write_bytes(b"not a picture")
    write_image(images / "cut.jpg")
    jpeg = (images / "cut.jpg").read_bytes()
    (images / "cut.jpg").write_bytes(jpeg[:-2])
    (images / "tail.jpg").write_bytes(jpeg + b"more")
    Image.new("RGB", (9, 30)).save(images / "narrow.png")
    (labels / "narrow.txt").symlink_to(labels / "train 0.txt")
    return name


def pose(root: Path) -> str:
    write_images(root)
    keypoints = " ".join(["0.5 0.5 2"] * 2)
    write_label(root / "datasets/shapes/labels/train/train 0.txt", [f"1 .5 .5 .1 .1 {keypoints}"])
    splits = "train: images/train\nval: images/val\n"
    return write_data(root, f"path: shapes\n{splits}kpt_shape: [2, 3]\nnames: [a, b, c]\n")


FORMS: list[Build] = [
    folders,
    absolute,
    beside_the_images,
    exporter_style,
    windows_and_korean,
    lists,
    lists_from_base,
    mixed_lists,
    nested_and_hidden,
    without_images_folder,
    linked,
    bad_labels_and_images,
    pose,
]


def _line(rng: random.Random) -> str:
    x, y, size = rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7), rng.uniform(0.1, 0.4)
    return f"{rng.randrange(3)} {x:.4f} {y:.4f} {size:.4f} {size:.4f}"
