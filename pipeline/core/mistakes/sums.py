"""How many boxes had which fate: in all, by both classes, and in each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from pipeline.core.mistakes.pairs import Array, image_keys, rows_of
from pipeline.core.mistakes.table import FATES, IMAGES

# What is wrong with an image; a target that is badly placed is told by its prediction.
MISTAKES = ("missed", "wrong_class", "badly_placed", "both", "doubled", "background")


def counts(judged: pl.DataFrame) -> dict[str, int]:
    """Count predictions by fate, and of targets those that are missed."""
    found = np.bincount(_told(judged), minlength=len(FATES))
    return dict(zip(FATES, found.tolist(), strict=False))


def matrix(judged: pl.DataFrame, labels: Sequence[str]) -> dict[str, Any]:
    """Give the confusion matrix as the test step writes it.

    Parameters
    ----------
    judged
        What `matching.judged` gives.
    labels
        Names of the classes by id.

    Returns
    -------
    matrix
        ``labels``, the last of them the background, and ``counts``: for each target label how often
        each label was predicted.
    """
    of, side = judged["class"].cast(pl.Int64).to_numpy(), len(labels) + 1
    partner = judged["partner"].cast(pl.Int64).fill_null(-1).to_numpy()
    targets, seen = rows_of(judged, "target"), rows_of(judged, "prediction")
    alone = seen[(judged["partner"].is_null() & judged["fate"].is_not_null()).to_numpy()[seen]]
    predicted = np.where(partner[targets] < 0, len(labels), of[partner[targets]])
    cells = np.concatenate([of[targets] * side + predicted, len(labels) * side + of[alone]])
    found = np.bincount(cells, minlength=side * side).reshape(side, side)
    return {"labels": [*labels, "background"], "counts": found.tolist()}


def images_of_cell(judged: pl.DataFrame, target: int | None, predicted: int | None) -> pl.DataFrame:
    """Count, by image, what is in a cell of the matrix; None stands for the background.

    Returns
    -------
    images
        ``image`` and ``count``, of those that have any.
    """
    is_target, is_counted = pl.col("role") == "target", pl.col("fate").is_not_null()
    if target is None:
        told = ~is_target & is_counted & pl.col("partner").is_null()
        told &= pl.col("class") == predicted
    else:
        told = is_target & (pl.col("class") == target)
        of_partner = judged["class"].gather(judged["partner"])
        told &= pl.lit(of_partner.eq_missing(predicted))
    return judged.filter(told).group_by("image").agg(count=pl.len())


def images(judged: pl.DataFrame, every: pl.DataFrame) -> pl.DataFrame:
    """Give a row an image, those with most mistakes first, and of equals the one with most targets.

    Parameters
    ----------
    judged
        What `matching.judged` gives.
    every
        The images of the test, those without boxes too.

    Returns
    -------
    images
        Their columns, of which ``targets`` are counted, and one for each fate.
    """
    image = _image_rows(judged, every)
    by_fate = _by_image(image, _told(judged), len(every), len(FATES) + 1)
    targets = _by_image(image, (judged["role"] == "target").to_numpy(), len(every), 2)[:, 1]
    kind = IMAGES["targets"]
    return (
        every.select(pl.exclude("targets"))
        .with_columns(
            pl.Series("targets", targets, dtype=kind),
            *(pl.Series(fate, by_fate[:, at], dtype=kind) for at, fate in enumerate(FATES)),
        )
        .sort(
            pl.sum_horizontal(MISTAKES),
            "targets",
            pl.col("image").cast(pl.String),
            descending=[True, True, False],
        )
    )


def _told(judged: pl.DataFrame) -> Array:
    """Give the number of each row's fate; one more where another row tells of it, or none does.

    Predictions tell of a mistake, or of a hit, and targets only where nothing has met them.
    """
    fate = judged["fate"].to_physical().fill_null(len(FATES)).to_numpy()
    is_elsewhere = (judged["role"] == "target").to_numpy() & (fate != FATES.index("missed"))
    return np.where(is_elsewhere, len(FATES), fate)


def _image_rows(judged: pl.DataFrame, every: pl.DataFrame) -> Array:
    """Give for each box the row of its image; one more than there are where it has none."""
    boxes, images = image_keys(judged), image_keys(every)
    row = np.full(max(boxes.max(initial=0), images.max(initial=0)) + 1, len(every))
    row[images] = np.arange(len(every))
    return row[boxes]


def _by_image(image: Array, value: Array, images: int, values: int) -> Array:
    """Count how often each image has each value."""
    found = np.bincount(image * values + value, minlength=(images + 1) * values)
    return found.reshape(-1, values)[:images]
