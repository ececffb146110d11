"""What a test kept of what it saw: from where on boxes are in its table, and what was left out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from pipeline.core.mistakes.pairs import image_keys, rows_of
from pipeline.core.mistakes.table import LEAST_CONF
from pipeline.core.said import said

# Under this name it stands in the metadata of both tables.
METADATA: Final = "slipway"


@dataclass(frozen=True)
class Kept:
    """What is in the tables of a test.

    Parameters
    ----------
    conf
        Predictions of less are not.
    max_det
        The most predictions of an image; None where the test did not say.
    predictions_left_out
        How many predictions were of less than `LEAST_CONF`.
    images_left_out
        How often an image was seen again, which a split has more than once.
    """

    conf: float = LEAST_CONF
    max_det: int | None = None
    predictions_left_out: int = 0
    images_left_out: int = 0


def read_kept(path: Path) -> Kept:
    """Read what a table says about itself; one that says nothing kept all.

    Raises
    ------
    ValueError, OSError, polars.exceptions.PolarsError
        It is no table, or what it says is not what a test writes.
    """
    text = pl.read_parquet_metadata(path).get(METADATA, "{}")
    try:
        kept = Kept(**json.loads(text))
    except TypeError as reason:  # other names, or no mapping
        raise ValueError(text) from reason
    counts = (kept.predictions_left_out, kept.images_left_out, kept.max_det or 0)
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ValueError(text)
    if not isinstance(kept.conf, int | float) or not 0 <= kept.conf <= 1:
        raise ValueError(text)
    return kept


def left_out(kept: Kept, boxes: pl.DataFrame) -> list[str]:
    """Say what a test left out of its table of boxes, a sentence for each; mostly nothing."""
    found: list[str] = []
    if kept.conf > LEAST_CONF:
        least = f"{kept.conf:g}"
        found.append(said("Boxes of less than confidence {least} were not kept.", least=least))
    if kept.predictions_left_out:
        found.append(
            said(
                "{count:,} boxes of less than confidence {least} were left out.",
                count=kept.predictions_left_out,
                least=f"{LEAST_CONF:g}",
            )
        )
    predictions = image_keys(boxes)[rows_of(boxes, "prediction")]
    if kept.max_det and np.bincount(predictions).max(initial=0) >= kept.max_det:
        found.append(
            said("Of an image at most {most:,} boxes were kept (max_det).", most=kept.max_det)
        )
    if kept.images_left_out:
        found.append(
            said(
                "Images that the split has more than once count once; {count:,} were left out.",
                count=kept.images_left_out,
            )
        )
    return found
