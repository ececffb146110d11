"""How many spoiled labels are among the first that are doubted, and beside cleanlab's of images.

cleanlab is not among the requirements. Where it cannot be imported, only ours is said; in
``PYTHONPATH`` it may lie in another environment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score, roc_auc_score

from pipeline.core.mistakes.labels import doubtful
from pipeline.core.mistakes.stored import read_stored
from pipeline.core.volume.run_folder import RunFolder
from tests.core.mistakes.spoiled import Spoiled, spoiled, spoiled_test

# None of them was looked at while the score was made.
SEEDS = range(100, 110)
# The folder of a run with a test, whose labels are spoiled instead of drawn ones.
RUN = os.environ.get("SLIPWAY_BENCHMARK_RUN", "")
# cleanlab takes a prediction for sure from 0.95 on, which YOLO hardly ever says: it is also asked
# with confidences of which 0.5 becomes that, and 0.25 its 0.5.
_ASKED_FOR, _STRETCHED = (0, 0.5, 0.95, 1), (0, 0.25, 0.5, 1)
_CORNERS = ("x1", "y1", "x2", "y2")

Score = Callable[[pl.DataFrame], np.ndarray]


def doubted(_folder: Path) -> None:
    """Spoil a twentieth of the labels of many tests, and look for it in the first tenth."""
    draw = partial(spoiled_test, boxes=read_stored(RunFolder(Path(RUN))).boxes) if RUN else spoiled
    splits = [draw(seed) for seed in SEEDS]
    found = []
    for split in splits:
        ranking = doubtful(split.boxes, is_ranking=True)["row"]
        found.append(split.found(ranking.head(split.labels // 10)))
    print(f"spoiled labels in the first tenth: {_spread(found)} (at least 0.8)")
    _compare("ours", splits, our_scores)
    try:
        from cleanlab.object_detection.rank import get_label_quality_scores
    except ImportError:
        print("cleanlab is not installed: nothing to hold it against")
        return
    for whose, known in (("cleanlab", _ASKED_FOR), ("cleanlab, confidences stretched", _STRETCHED)):
        _compare(
            whose,
            splits,
            lambda boxes, to=known: -get_label_quality_scores(*_asked(boxes, to), verbose=False),
        )


def _compare(whose: str, splits: list[Spoiled], score: Score) -> None:
    """Print how well images with spoiled labels come before the others."""
    rows = []
    for split in splits:
        wrong = np.isin(_images(split.boxes), split.done["image"].unique().to_numpy())
        scores = score(split.boxes)
        first = np.argsort(-scores, kind="stable")[: len(wrong) // 10]
        rows.append(
            (
                wrong[first].mean(),
                wrong[first].sum() / wrong.sum(),
                roc_auc_score(wrong, scores),
                average_precision_score(wrong, scores),
            )
        )
    names = ("right in the first tenth of images", "recall there", "AUROC", "average precision")
    said = (
        f"{name} {_spread(of)}" for name, of in zip(names, zip(*rows, strict=True), strict=True)
    )
    print(f"images by {whose}: {', '.join(said)}")


def our_scores(boxes: pl.DataFrame) -> np.ndarray:
    """Score each image by its first label in our ranking."""
    ranking = doubtful(boxes, is_ranking=True)
    worst = ranking.select(boxes["image"].cast(pl.String)[ranking["row"]], "score")
    worst = worst.group_by("image").agg(pl.col("score").max())
    images = pl.DataFrame({"image": _images(boxes)})
    return (
        images.join(worst, on="image", how="left", maintain_order="left")["score"]
        .fill_null(0)
        .to_numpy()
    )


def _images(boxes: pl.DataFrame) -> np.ndarray:
    return boxes["image"].cast(pl.String).unique(maintain_order=True).to_numpy()


def _asked(
    boxes: pl.DataFrame, known: Sequence[float]
) -> tuple[list[dict[str, np.ndarray]], list[list[np.ndarray]]]:
    """Give labels and predictions in cleanlab's form, image by image."""
    conf = np.interp(boxes["conf"].fill_null(0).to_numpy(), known, _ASKED_FOR)
    boxes = boxes.with_columns(pl.Series("conf", conf))
    classes = range(int(boxes["class"].to_numpy().max()) + 1)
    labels, predictions = [], []
    for _, rows in boxes.group_by("image", maintain_order=True):
        targets = rows.filter(pl.col("role") == "target")
        told = targets.select(_CORNERS).to_numpy()
        labels.append({"bboxes": told, "labels": targets["class"].to_numpy()})
        seen = rows.filter(pl.col("role") == "prediction")
        predictions.append(
            [
                seen.filter(pl.col("class") == of).select(*_CORNERS, "conf").to_numpy()
                for of in classes
            ]
        )
    return labels, predictions


def _spread(values: object) -> str:
    every = np.array(values, dtype=float)
    return f"{np.mean(every):.3f} ({every.min():.3f} to {every.max():.3f})"
