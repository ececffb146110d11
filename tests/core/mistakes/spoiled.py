"""A split whose labels are spoiled, with what a good model that has not seen that predicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tests.core.mistakes.tables import SCHEMA

REMOVED, ADDED, CLASS, BOX = WAYS = ("removed", "added", "class", "box")
SHARE = 0.05
_SIDE = 640


@dataclass(frozen=True)
class Spoiled:
    """A table, and what was done: the image, how, and the box in question.

    Parameters
    ----------
    boxes
        Targets as spoiled, and predictions.
    done
        ``image``, ``way`` and the box: of a removed label the true one, else as it now stands.
    labels
        How many labels there were.
    """

    boxes: pl.DataFrame
    done: pl.DataFrame
    labels: int

    def found(self, rows: pl.Series) -> float:
        """Give the share of what was done that is among rows which somebody doubts."""
        doubted = self.boxes[rows].cast({"image": pl.String})
        both = self.done.with_row_index("number").join(doubted, on="image", suffix="_shown")
        is_found = (
            pl.when(pl.col("way") == REMOVED)
            .then((pl.col("role") == "prediction") & (_iou() > 0.5))
            .otherwise((pl.col("role") == "target") & (_iou() > 0.999))
        )
        return both.filter(is_found)["number"].n_unique() / len(self.done)


def spoiled(seed: int, images: int = 400, classes: int = 5, share: float = SHARE) -> Spoiled:
    """Draw a split, spoil a share of its labels in four ways, and predict the true ones."""
    random = np.random.default_rng(seed)
    image = np.repeat(np.arange(images), random.integers(0, 13, images))
    true, of = _boxes(random, len(image)), random.integers(0, classes, len(image))
    targets, done = _spoil(random, image, true, of, (images, classes, share), _boxes)
    rows = pl.concat([targets, _predicted(random, image, true, of, images, classes)])
    return _of_rows(rows, done, len(image))


def spoiled_test(seed: int, boxes: pl.DataFrame, share: float = SHARE) -> Spoiled:
    """Spoil a share of the labels that a real test has met; what was predicted stays."""
    random = np.random.default_rng(seed)
    number = boxes["image"].cast(pl.String).rank("dense").cast(pl.Int64).to_numpy() - 1
    rows = boxes.select(_name(number), *list(SCHEMA)[1:]).cast(SCHEMA)
    is_target = (boxes["role"] == "target").to_numpy()
    true = boxes.filter(is_target).select("x1", "y1", "x2", "y2").to_numpy().astype(np.float64)
    of = boxes.filter(is_target)["class"].to_numpy().astype(np.int64)
    classes = int(boxes["class"].to_numpy().max()) + 1
    targets, done = _spoil(
        random,
        number[is_target],
        true,
        of,
        (number.max() + 1, classes, share),
        lambda random, count: true[random.permutation(len(true))[:count]],  # of other images
    )
    predictions = rows.filter(~is_target)
    return _of_rows(pl.concat([targets.cast(SCHEMA), predictions]), done, len(of))


def _spoil(random, image, true, of, sizes, drawn):
    """Give targets of which a share is spoiled, and what was done to which box of which image."""
    images, classes, share = sizes
    told, told_of, is_told = true.copy(), of.copy(), np.ones(len(image), dtype=bool)
    chosen = random.permutation(len(image))[: round(share * len(image))]
    removed, added, swapped, moved = np.array_split(chosen, 4)
    is_told[removed] = False
    told_of[swapped] = (of[swapped] + random.integers(1, classes, len(swapped))) % classes
    told[moved] = _moved(random, true[moved])
    extra = drawn(random, len(added))
    extra_image = random.integers(0, images, len(added))
    done = [(image[removed], true[removed]), (extra_image, extra)]
    done += [(image[rows], told[rows]) for rows in (swapped, moved)]
    targets = _rows(
        np.concatenate([image[is_told], extra_image]),
        "target",
        np.concatenate([told_of[is_told], random.integers(0, classes, len(added))]),
        None,
        np.concatenate([told[is_told], extra]),
    )
    return targets, pl.concat(
        _rows(where, "target", np.zeros(len(where), int), None, box).select(
            "image", pl.lit(way).alias("way"), "x1", "y1", "x2", "y2"
        )
        for way, (where, box) in zip(WAYS, done, strict=True)
    )


def _of_rows(rows, done, labels):
    return Spoiled(rows.sort("image", maintain_order=True).cast(SCHEMA), done, labels)


def _predicted(random, image, true, of, images, classes):
    """Predict what a good model does: misses, slips, second boxes, confusions and false alarms."""
    count = len(true)
    size = np.sqrt(np.prod(true[:, 2:] - true[:, :2], axis=1))
    # The smaller, the less sure and the worse placed; some are hardly seen, some not at all.
    ease = np.clip(random.normal(1.6, 1.1, count) + np.log2(size / 60) / 2, -7, 4)
    conf = 0.97 / (1 + np.exp(-ease))
    conf[random.random(count) < 0.04] *= 0.03
    is_seen = random.random(count) > 0.02
    place = _slipped(random, true, 0.02 + 1 / size)
    is_confused = random.random(count) < 0.03
    seen_of = np.where(is_confused, random.integers(0, classes, count), of)
    parts = [(image, seen_of, conf, place, is_seen)]
    # Other classes in the same place, and second boxes, both with less confidence.
    other = (seen_of + random.integers(1, classes, count)) % classes
    weak = conf * random.beta(1, 8, count)
    parts.append((image, other, weak, _slipped(random, place, 0.01), random.random(count) < 0.5))
    second = conf * random.beta(1, 5, count)
    parts.append((image, seen_of, second, _slipped(random, place, 0.1), random.random(count) < 0.3))
    junk = images * 10
    where, alarm = random.integers(0, images, junk), random.beta(0.15, 5, junk)
    found = _boxes(random, junk), np.ones(junk, dtype=bool)
    parts.append((where, random.integers(0, classes, junk), alarm, *found))
    kept = [part[-1] & (part[2] >= 0.001) for part in parts]
    columns = [
        np.concatenate([part[at][keep] for part, keep in zip(parts, kept, strict=True)])
        for at in range(4)
    ]
    return _rows(columns[0], "prediction", columns[1], columns[2], columns[3])


def _boxes(random, count):
    size = np.exp(random.uniform(np.log(14), np.log(220), (count, 1)))
    sides = size * np.exp(random.normal(0, 0.25, (count, 2)))
    corner = random.uniform(0, 1, (count, 2)) * (_SIDE - sides)
    return np.concatenate([corner, corner + sides], axis=1)


def _moved(random, boxes):
    """Shift boxes by a third to half of their size, or scale them by as much."""
    sides = boxes[:, 2:] - boxes[:, :2]
    angle = random.uniform(0, 2 * np.pi, len(boxes))
    far = random.uniform(0.35, 0.6, len(boxes))
    shift = np.stack([np.cos(angle), np.sin(angle)], axis=1) * far[:, None] * sides
    factor = random.choice([random.uniform(0.5, 0.65), random.uniform(1.5, 1.9)], len(boxes))
    grow = (factor[:, None] - 1) * sides / 2
    is_shift = random.random((len(boxes), 1)) < 0.5
    low = boxes[:, :2] + np.where(is_shift, shift, -grow)
    high = boxes[:, 2:] + np.where(is_shift, shift, grow)
    return np.concatenate([low, high], axis=1)


def _slipped(random, boxes, by):
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    far = np.reshape(np.broadcast_to(by, len(boxes)), (-1, 1))
    return boxes + random.normal(0, 1, boxes.shape) * far * sides


def _rows(image, role, of, conf, box):
    corners = dict(zip(("x1", "y1", "x2", "y2"), box.astype(np.float32).T, strict=True))
    confs = pl.Series(conf, dtype=pl.Float32) if conf is not None else pl.lit(None, pl.Float32)
    return pl.DataFrame({"image": _name(image), "class": of.astype(np.int64), **corners}).select(
        "image", pl.lit(role).alias("role"), "class", confs.alias("conf"), "x1", "y1", "x2", "y2"
    )


def _name(number):
    return (pl.Series("image", number).cast(pl.String).str.zfill(5) + ".jpg").alias("image")


def _iou() -> pl.Expr:
    width, height = (
        (
            pl.min_horizontal(f"{side}2", f"{side}2_shown")
            - pl.max_horizontal(f"{side}1", f"{side}1_shown")
        ).clip(0)
        for side in "xy"
    )
    areas = [
        (pl.col(f"x2{of}") - pl.col(f"x1{of}")) * (pl.col(f"y2{of}") - pl.col(f"y1{of}"))
        for of in ("", "_shown")
    ]
    return width * height / (areas[0] + areas[1] - width * height)
