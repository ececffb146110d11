"""How many boxes had which fate: in all, by both classes, and in each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from pipeline.core.mistakes.pairs import rows_of
from pipeline.core.mistakes.table import FATES, IMAGES

# What is wrong with an image; a target that is badly placed is told by its prediction.
MISTAKES = ("missed", "wrong_class", "badly_placed", "both", "doubled", "background")


def counts(judged: pl.DataFrame) -> dict[str, int]:
    """Count predictions by fate, and of targets those that are missed."""
    own = judged.filter(_is_told())["fate"].drop_nulls().value_counts()
    return dict.fromkeys(FATES, 0) | dict(own.iter_rows())


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
    is_target = pl.col("role") == "target"
    by_image = judged.group_by("image").agg(
        targets=is_target.sum(),
        **{fate: (_is_told() & (pl.col("fate") == fate)).sum() for fate in FATES},
    )
    columns = ("targets", *FATES)
    rows = every.select(pl.exclude("targets")).join(by_image, on="image", how="left")
    return rows.with_columns(pl.col(columns).fill_null(0).cast(IMAGES["targets"])).sort(
        pl.sum_horizontal(MISTAKES),
        "targets",
        pl.col("image").cast(pl.String),
        descending=[True, True, False],
    )


def _is_told() -> pl.Expr:
    """Choose the rows that tell of a mistake, or of a hit, each of them once."""
    return (pl.col("role") == "prediction") | (pl.col("fate") == "missed")
