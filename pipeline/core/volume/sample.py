"""The sample volume: a generated dataset of shapes with the yaml files to train on it."""

from __future__ import annotations

import io
import math
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pipeline.core import findings
from pipeline.core.errors import InputError, UsageError
from pipeline.core.said import said

DATASET = "datasets/shapes"
CLASSES = ("circle", "square", "star")
IMAGES = 240
MIN_IMAGES = 12

# Shares of the classes: unbalanced on purpose, so that distribution and metrics have a story.
_WEIGHTS = (62, 32, 6)
# Each class has a typical hue (degrees) from which a shape may be this far off; the ranges
# overlap, so colour helps and shape decides.
_HUES = {"circle": 25, "square": 120, "star": 215}
_HUE_SPREAD = 80
_SIDE_PX = 96
_SPLITS = {"train": 0.7, "val": 0.2, "test": 0.1}

Box = tuple[float, float, float, float]


def write_sample(folder: Path, images: int = IMAGES) -> None:
    """Write a sample volume; the same number of images gives the same bytes each time.

    Parameters
    ----------
    folder
        The volume; made when it does not exist. Other files in it stay as they are.
    images
        Images of all splits together; 70 % train, 20 % val, 10 % test.

    Raises
    ------
    UsageError
        Too few images for three splits.
    InputError
        A file of the sample is there with another content; nothing was written.
    """
    if images < MIN_IMAGES:
        raise UsageError(
            said(
                "--images is {images}, not a number from {least} up.",
                images=images,
                least=MIN_IMAGES,
            )
        )
    files = sample_files(images)
    changed = [name for name, content in files.items() if _differs(folder / name, content)]
    if changed:
        raise InputError(
            said(
                "{folder} holds {count} files that differ from the sample's.",
                folder=folder,
                count=len(changed),
            ),
            findings=[
                findings.error(
                    "file-differs", said("{name} is not the sample's file.", name=name), where=name
                )
                for name in changed[:20]
            ],
            where=changed[0],
            next=said("Choose an empty folder."),
        )
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def needs_sample(folder: Path) -> bool:
    """Say whether a volume is missing, empty, or holds only what a broken-off sample left."""
    if not folder.exists():
        return True
    if {path.name for path in folder.iterdir()} - {"datasets"}:
        return False
    datasets = folder / "datasets"
    return not datasets.exists() or {path.name for path in datasets.iterdir()} <= {"shapes"}


def sample_files(images: int) -> dict[str, bytes]:
    """Give every file of the sample by its path on the volume, yaml files last."""
    files: dict[str, bytes] = {}
    for split, count in _split_counts(images).items():
        for number in range(count):
            picture, labels = _draw(random.Random(f"slipway/{split}/{number}"), number)
            name = f"{split}-{number:04d}"
            files[f"{DATASET}/images/{split}/{name}.jpg"] = picture
            files[f"{DATASET}/labels/{split}/{name}.txt"] = labels.encode()
    templates = Path(__file__).resolve().parents[3] / "configs" / "sample"
    files.update({path.name: path.read_bytes() for path in sorted(templates.glob("*.yaml"))})
    return files


def _differs(path: Path, content: bytes) -> bool:
    return path.exists() and (not path.is_file() or path.read_bytes() != content)


def _split_counts(images: int) -> dict[str, int]:
    counts = {split: round(images * share) for split, share in _SPLITS.items()}
    counts["train"] += images - sum(counts.values())
    return counts


def _draw(rng: random.Random, number: int) -> tuple[bytes, str]:
    """Draw one image and its label lines; every 24th is a background without shapes."""
    noise = np.random.default_rng(rng.getrandbits(32))
    shade = rng.randint(60, 150)
    picture = Image.new("RGB", (_SIDE_PX, _SIDE_PX), (shade, shade, shade))
    pen = ImageDraw.Draw(picture)
    boxes: list[Box] = []
    lines = []
    for _ in range(0 if number % 24 == 23 else rng.randint(1, 3)):
        box = _free_place(rng, boxes)
        if box is None:
            continue
        boxes.append(box)
        # The first image gets a star, so that even a tiny sample has every class everywhere.
        cls = 2 if number == 0 and len(boxes) == 1 else rng.choices(range(3), _WEIGHTS)[0]
        tight = _shape(pen, rng, CLASSES[cls], box)
        lines.append(_label_line(cls, tight))
    pixels = np.asarray(picture, dtype=np.int16)
    grain = noise.normal(0, 14, pixels.shape)
    noisy = Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    noisy.save(buffer, "JPEG", quality=88)
    return buffer.getvalue(), "".join(lines)


def _free_place(rng: random.Random, taken: list[Box]) -> Box | None:
    for _ in range(20):
        side = rng.uniform(14, 36)
        left, top = rng.uniform(1, _SIDE_PX - side - 1), rng.uniform(1, _SIDE_PX - side - 1)
        box = (left, top, left + side, top + side)
        if all(_apart(box, other) for other in taken):
            return box
    return None


def _apart(one: Box, other: Box) -> bool:
    return one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]


def _shape(pen: ImageDraw.ImageDraw, rng: random.Random, name: str, box: Box) -> Box:
    """Draw a shape into a square place and give the box that fits it tightly."""
    hue = (_HUES[name] + rng.uniform(-_HUE_SPREAD, _HUE_SPREAD)) % 360
    colour = f"hsv({hue:.0f},{rng.randint(25, 90)}%,{rng.randint(45, 90)}%)"
    if name == "circle":
        pen.ellipse(box, fill=colour)
        return box
    if name == "square":
        pen.rectangle(box, fill=colour)
        return box
    points = _star_points(box, turn=rng.uniform(0, math.tau))
    pen.polygon(points, fill=colour)
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _star_points(box: Box, turn: float) -> list[tuple[float, float]]:
    centre_x, centre_y, radius = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, (box[2] - box[0]) / 2
    return [
        (
            centre_x
            + radius * (1.0 if tip % 2 == 0 else 0.45) * math.cos(turn + tip * math.pi / 5),
            centre_y
            + radius * (1.0 if tip % 2 == 0 else 0.45) * math.sin(turn + tip * math.pi / 5),
        )
        for tip in range(10)
    ]


def _label_line(cls: int, box: Box) -> str:
    left, top, right, bottom = (value / _SIDE_PX for value in box)
    centre = f"{(left + right) / 2:.6f} {(top + bottom) / 2:.6f}"
    return f"{cls} {centre} {right - left:.6f} {bottom - top:.6f}\n"
