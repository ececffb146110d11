"""How long the tab Mistakes takes to say what a large test saw, beside a plain look at it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.actions.mistakes import Judged, Seen
from pipeline.core.files import write_json
from pipeline.core.mistakes.stored import read_stored
from pipeline.core.mistakes.summary import write_summary
from pipeline.core.mistakes.sums import images_of_cell, matrix
from pipeline.core.mistakes.table import CONF
from pipeline.core.volume.run_folder import RunFolder
from step_images.test.tables import Tables
from tests.benchmarks.report import compare, say

IMAGES = 100_000
TARGETS, PREDICTIONS = 7, 13  # of an image: two million boxes
CLASSES = 80
ROUNDS = 5
_A_BATCH = 1_000


def tab(folder: Path) -> None:
    """Measure what the tab asks for at its first view, at other confidences, and for a cell."""
    run = RunFolder(folder / "run")
    write_test(run)
    begin = time.perf_counter()
    write_summary(run)
    print(f"figures worked out by the step: {time.perf_counter() - begin:.1f} s")
    plain = min(_time(lambda: _plainly(run)) for _ in range(ROUNDS))
    views = [_time(lambda: _first_view(run)) for _ in range(ROUNDS)]
    compare("2 million boxes, to reading and grouping them", plain, min(views), "no promise")
    say("its first view", views, "at most 1")
    seen = _first_view(run)
    matching = _time(lambda: seen.matched)
    print(f"matched for all confidences, beside the first view: {matching:.2f} s")
    slides = [_time(partial(_slide, seen, conf)) for conf in (0.1, 0.3, 0.4, 0.6, 0.8)]
    say("another confidence", slides, "at most 0.3")
    judged = seen.at(0.5)
    cells = [_time(partial(_cell, judged, (of, None))) for of in range(ROUNDS)]
    say("the images of a cell", cells, "at most 0.3")


def _plainly(run: RunFolder) -> None:
    """Do what anybody would: read all, and count fates by image and classes by class."""
    boxes = pl.read_parquet(run.boxes)  # pandas cannot: categories with unsigned numbers
    boxes.group_by("image", "fate").len()
    met = boxes.filter(pl.col("partner").is_not_null()).select(
        "class", other=boxes["class"].gather(boxes["partner"].drop_nulls())
    )
    met.group_by("class", "other").len()


def _first_view(run: RunFolder) -> Seen:
    seen = Seen(read_stored(run))
    assert seen.metrics
    assert seen.cost
    assert seen.best
    assert not seen.left_out
    _slide(seen, CONF)
    return seen


def _slide(seen: Seen, conf: float) -> None:
    matrix(seen.at(conf).boxes, seen.stored.labels)


def _cell(judged: Judged, cell: tuple[int | None, int | None]) -> None:
    count = images_of_cell(judged.boxes, *cell)
    judged.images.join(count, on="image", how="inner").sort("count", descending=True)


def _time(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def write_test(folder: RunFolder) -> None:
    """Write what a test of many images leaves, with mistakes of each kind."""
    folder.step("test").mkdir(parents=True)
    random = np.random.default_rng(0)
    with Tables(folder) as tables:
        tables.facts.update(conf=0.001, max_det=300, predictions_left_out=0, images_left_out=0)
        for start in range(0, IMAGES, _A_BATCH):
            tables.add(*_batch(random, start))
    labels = [f"class{number}" for number in range(CLASSES)]
    write_json(folder.step("test") / "confusion_matrix.json", {"labels": [*labels, "background"]})
    write_json(folder.test_metrics, {"split": "test", "classes": {}})


def _batch(random: np.random.Generator, start: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make images whose first predictions are near targets, the others anywhere."""
    names = [f"{number // 1000:03d}/{number:012d}.jpg" for number in range(start, start + _A_BATCH)]
    sides = random.uniform(8, 200, (_A_BATCH, TARGETS, 2))
    corners = random.uniform(0, 440, (_A_BATCH, TARGETS, 2))
    targets = np.concatenate([corners, corners + sides], axis=2)
    near = targets + random.normal(0, 0.12, targets.shape) * np.tile(sides, 2)
    left = PREDICTIONS - TARGETS
    corners = random.uniform(0, 440, (_A_BATCH, left, 2))
    anywhere = np.concatenate([corners, corners + random.uniform(8, 200, corners.shape)], axis=2)
    of = random.integers(0, CLASSES, (_A_BATCH, TARGETS))
    other = random.integers(0, CLASSES, (_A_BATCH, PREDICTIONS))
    seen = np.where(random.random(of.shape) < 0.8, of, other[:, :TARGETS])
    conf = np.concatenate(
        [random.beta(4, 2, of.shape), random.beta(1, 8, (_A_BATCH, left))], axis=1
    )
    boxes = np.concatenate([targets, near, anywhere], axis=1).reshape(-1, 4)
    rows = pl.DataFrame(
        {
            "image": np.repeat(names, TARGETS + PREDICTIONS),
            "role": np.tile(["target"] * TARGETS + ["prediction"] * PREDICTIONS, _A_BATCH),
            "class": np.concatenate([of, seen, other[:, TARGETS:]], axis=1).ravel(),
            "conf": np.concatenate([np.full(of.shape, np.nan), conf], axis=1).ravel() + 0.001,
            **dict(zip(("x1", "y1", "x2", "y2"), boxes.T, strict=True)),
        }
    ).with_columns(pl.col("conf").fill_nan(None))
    images = pl.DataFrame({"image": names}).with_columns(
        width=640, height=640, targets=TARGETS, brightness=100.0, sharpness=100.0
    )
    return images, rows
