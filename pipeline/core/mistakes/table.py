"""What the test step saw: the columns of its two tables, and how an image is named there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

ROLES = ("target", "prediction")
# TIDE's six kinds of mistakes and right (Bolya et al., 2020); `counts` has them in this order.
FATES = ("right", "wrong_class", "badly_placed", "both", "doubled", "background", "missed")

# At what Ultralytics matches in a confusion matrix, and a common confidence to show boxes from.
CONF, IOU = 0.25, 0.45
# Predictions of less are not kept; Ultralytics validates from here too.
LEAST_CONF = 0.001

# A row for each target and each prediction. The rows of an image stand together, predictions in
# the order in which they were found: that decides between two of the same confidence. Boxes may
# reach beyond the image, as predictions do: cut off, they would match other targets. `partner` is
# a row of the whole table; null, as are `iou` and `fate`, where there is none.
BOXES = pl.Schema(
    {
        "image": pl.Categorical(),
        "role": pl.Enum(ROLES),
        "class": pl.UInt16(),
        "conf": pl.Float32(),
        "x1": pl.Float32(),
        "y1": pl.Float32(),
        "x2": pl.Float32(),
        "y2": pl.Float32(),
        "partner": pl.UInt32(),
        "iou": pl.Float32(),
        "fate": pl.Enum(FATES),
    }
)
# A row for each image, also for those without a box. Brightness is the mean of 0 to 255, sharpness
# the variance of the Laplacian; precision, recall, f1 and worst are those at `CONF` and `IOU`.
IMAGES = pl.Schema(
    {
        "image": pl.Categorical(),
        "width": pl.UInt32(),
        "height": pl.UInt32(),
        "targets": pl.UInt32(),
        "brightness": pl.Float32(),
        "sharpness": pl.Float32(),
        "precision": pl.Float32(),
        "recall": pl.Float32(),
        "f1": pl.Float32(),
        "worst": pl.Enum(FATES),
    }
)


def images_base(places: Sequence[Path]) -> Path:
    """Give the folder that the images of a split are named from.

    Parameters
    ----------
    places
        The folders and txt lists of the split, as absolute paths; at least one.

    Returns
    -------
    Path
        The folder, or that of the list; of several the one that holds them all, so that images of
        the same name in two of them differ.
    """
    folders = [str(place if place.is_dir() else place.parent) for place in places]
    return Path(os.path.commonpath(folders))


def image_name(path: str, base: Path) -> str:
    """Name an image from a split's base, with ``/`` between; a list may lead out with ``..``."""
    return os.path.relpath(path, base).replace(os.sep, "/")
