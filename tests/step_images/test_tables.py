from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.table import BOXES, CONF, IOU
from pipeline.core.volume.run_folder import RunFolder
from step_images.test.tables import Tables

IMAGES, PER_IMAGE = 1_000, 40  # of a batch: a good part of a piece


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path)
    folder.step("test").mkdir()
    return folder


def batch(number: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make images with targets in a grid, and predictions near some of them."""
    random = np.random.default_rng(number)
    names = [f"{number}/{index}.jpg" for index in range(IMAGES)]
    count = IMAGES * PER_IMAGE
    is_target = np.arange(count) % 2 == 0
    corner = np.repeat(np.arange(count // 2) % (PER_IMAGE // 2) * 20.0, 2)
    shift = np.where(is_target, 0, random.uniform(0, 8, count))
    boxes = pl.DataFrame(
        {
            "image": np.repeat(names, PER_IMAGE),
            "role": np.where(is_target, "target", "prediction"),
            "class": random.integers(0, 3, count),
            "conf": np.where(is_target, np.nan, random.random(count)).astype(np.float32),
            "x1": corner + shift,
            "y1": corner,
            "x2": corner + shift + 10,
            "y2": corner + 10,
        }
    ).with_columns(pl.col("conf").fill_nan(None))
    images = pl.DataFrame({"image": names}).with_columns(
        pl.lit(9).alias(name) for name in ("width", "height", "targets", "brightness", "sharpness")
    )
    return images, boxes


def test_what_is_written_in_pieces_is_what_would_be_judged_at_once(folder: RunFolder) -> None:
    batches = [batch(number) for number in range(4)]
    with Tables(folder) as tables:
        for images, boxes in batches:
            tables.add(images, boxes)
    written = pl.read_parquet(folder.boxes)
    whole = pl.concat([boxes for _, boxes in batches])
    expected = judged(whole, conf=CONF, iou=IOU).cast(dict(BOXES)).select(written.columns)
    assert written.equals(expected)
    assert written["partner"].max() > 100_000
    assert pl.read_parquet(folder.tested_images)["image"].n_unique() == 4 * IMAGES


def test_a_test_that_fails_leaves_what_was_there(folder: RunFolder) -> None:
    with Tables(folder) as tables:
        tables.add(*batch(1))
    before = folder.boxes.read_bytes()
    with pytest.raises(KeyboardInterrupt), Tables(folder) as tables:
        tables.add(*batch(2))
        raise KeyboardInterrupt
    assert folder.boxes.read_bytes() == before
    assert {path.name for path in folder.step("test").iterdir()} == {
        "boxes.parquet",
        "images.parquet",
    }


def test_what_a_killed_test_left_behind_is_written_over(folder: RunFolder) -> None:
    (folder.step("test") / ".boxes.parquet.tmp").write_bytes(b"half a table")
    with Tables(folder) as tables:
        tables.add(*batch(1))
    assert pl.read_parquet(folder.boxes).height == IMAGES * PER_IMAGE
    assert len(list(folder.step("test").iterdir())) == 2
