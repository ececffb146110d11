"""Average precision as COCO has it: the mean of the best precision at 101 recalls or more."""

from __future__ import annotations

import numpy as np

from pipeline.core.mistakes.pairs import Array

# As pycocotools writes them. Some differ from hundredths in the last place, which TIDE takes.
COCO_RECALLS: Array = np.linspace(0, 1, 101)
TIDE_RECALLS: Array = np.arange(101) / 100


def average_precision(
    is_hit: Array, is_false: Array, positives: int, recalls: Array = COCO_RECALLS
) -> Array:
    """Give a value for each column.

    Parameters
    ----------
    is_hit, is_false
        A row for each prediction of a class, the most confident first, and a column for each IoU.
        What is neither counts for nothing.
    positives
        How many there are to find; one or more.
    recalls
        Where precision is looked up.
    """
    found, wrong = is_hit.cumsum(0), is_false.cumsum(0)
    recall = found / positives
    precision = found / (found + wrong + np.spacing(1))
    envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    values = np.zeros(is_hit.shape[1])
    for column in range(len(values)):
        at = np.searchsorted(recall[:, column], recalls, side="left")
        values[column] = np.append(envelope[:, column], 0)[at].mean()
    return values
