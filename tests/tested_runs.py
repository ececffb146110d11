"""Runs whose test is over, as its step leaves them, without a model."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from pipeline.actions.installation import Installation
from pipeline.actions.launching import launches
from pipeline.core.files import write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.mistakes.kept import METADATA
from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.sums import matrix
from pipeline.core.mistakes.table import BOXES, IMAGES
from pipeline.core.volume.run_folder import RunFolder
from tests.tuned_runs import end_run

NAMES = ("circle", "square", "star")


def say_kept(folder: RunFolder, **facts: float) -> None:
    """Let a run's test say what it kept of what it saw."""
    rows = pl.read_parquet(folder.boxes)
    rows.write_parquet(folder.boxes, metadata={METADATA: json.dumps(facts)})


def run_with_test(
    here: Installation,
    boxes: pl.DataFrame | None,
    *,
    empty: Sequence[str] = (),
    names: Sequence[str] = NAMES,
    state: str = "succeeded",
) -> RunFolder:
    """Give the folder of a run whose test saw these boxes, and images without any, or kept none."""
    run = launches.submit(here, launches.prepare(here, Choices(model="yolov8n-scratch.yaml")))
    folder = RunFolder(here.settings.volume / "runs" / run.launch)
    end_run(here, run.id, state)
    folder.step("test").mkdir(parents=True)
    if boxes is None:
        return folder
    rows = judged(boxes)
    rows.cast(BOXES).write_parquet(folder.boxes)
    write_json(folder.step("test") / "confusion_matrix.json", matrix(rows, names))
    write_json(folder.test_metrics, {"split": "test", "classes": {}})
    every = [*boxes["image"].cast(pl.String).unique(maintain_order=True), *empty]
    images = pl.DataFrame({"image": every, "width": 640, "height": 480}).with_columns(
        pl.lit(None).alias(name) for name in IMAGES.names()[3:]
    )
    images.cast(IMAGES).write_parquet(folder.tested_images)
    return folder
