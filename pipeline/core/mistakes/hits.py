"""Which predictions are hits at ten IoUs, as precision, recall and mAP count them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.core.mistakes.pairs import (
    Array,
    by_confidence,
    claimed_at,
    class_keys,
    confidences,
    in_turn,
    overlapping,
    rows_of,
)

# Single precision, as torch has them: an IoU of exactly 0.6 is a hit at 0.6.
THRESHOLDS: Array = np.linspace(0.5, 0.95, 10).astype(np.float32)


@dataclass(frozen=True)
class Hits:
    """All predictions of a table, in its order.

    Parameters
    ----------
    row
        Row numbers in the table.
    conf, of
        Confidence and class.
    is_hit
        A column for each of `THRESHOLDS`.
    target_of
        Classes of the targets.
    """

    row: Array
    conf: Array
    of: Array
    is_hit: Array
    target_of: Array


def hits(boxes: pl.DataFrame) -> Hits:
    """Match within classes as Ultralytics 8.4.190 does (`BaseValidator.match_predictions`).

    At each IoU by itself, predictions claim the best free target of their class, the most
    confident first.
    """
    targets, predictions = rows_of(boxes, "target"), rows_of(boxes, "prediction")
    place = by_confidence(boxes)
    pairs = overlapping(boxes, class_keys(boxes), targets, predictions, THRESHOLDS[0])
    pairs = in_turn(pairs, place)
    is_hit = np.zeros((len(boxes), len(THRESHOLDS)), dtype=bool)
    pair, column = claimed_at(pairs, place, THRESHOLDS)
    is_hit[pairs.prediction[pair], column] = True
    of = boxes["class"].to_numpy()
    return Hits(
        predictions,
        confidences(boxes)[predictions],
        of[predictions],
        is_hit[predictions],
        of[targets],
    )
