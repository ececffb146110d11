"""What a test's mistakes suggest to do next: a setting for the next launch, or what to look at.

Each rule asks for figures that support it: enough boxes, a cost, a difference that chance does not
make. Where they do not speak, it is silent. Limits are ours unless a source names them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from pipeline.core.checks.advice import SMALL_PX, TIPS, larger_imgsz
from pipeline.core.mistakes.matching import BACKGROUND, DOUBLED, MISSED
from pipeline.core.mistakes.pairs import class_keys, confidences, overlapping, rows_of
from pipeline.core.said import said

_TIDE = "https://arxiv.org/abs/2008.08115"
_PREDICT = "https://docs.ultralytics.com/modes/predict/#inference-arguments"
_COST = 0.02  # of mAP50, from where on a kind of mistake is worth a launch
_FEWEST = 10  # boxes that a rule rests on
_SURE_Z = 2.6  # standard errors: chance does so in one of a hundred tests
_CONFUSED, _MISSED_MORE = 0.1, 0.15
_BACKGROUNDS = 0.05  # the tips ask for up to a tenth
_RARE = 0.5
_NMS_IOU = 0.5


@dataclass(frozen=True)
class Figures:
    """What the rules look at.

    Parameters
    ----------
    boxes
        Judged, see `pipeline.core.mistakes.matching`.
    images
        Those of the test, with ``width`` and ``height``.
    labels
        Names of the classes by id.
    matrix
        Counts, a row for each target class, the last row and column for the background.
    cost
        What each kind of mistake costs of the mAP50.
    cfg
        The effective cfg of the run.
    train
        Counts of the train split as the distribution step writes them; empty where it has none.
    """

    boxes: pl.DataFrame
    images: pl.DataFrame
    labels: Sequence[str]
    matrix: Sequence[Sequence[int]]
    cost: Mapping[str, float]
    cfg: Mapping[str, Any]
    train: Mapping[str, Any]


@dataclass(frozen=True)
class Suggestion:
    """One thing to do next.

    Parameters
    ----------
    code
        Which rule says so.
    reason
        One or two sentences with the figures that it rests on.
    source
        The documentation page or the paper that says so.
    overrides
        Settings for the next launch; empty where looking comes first.
    kind, cell
        Which images show it: those with a kind of mistake, or those in a cell of the matrix (ids
        of target and prediction, None for the background).
    """

    code: str
    reason: str
    source: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    cell: tuple[int | None, int | None] | None = None


def suggest(tested: Figures) -> list[Suggestion]:
    """Say what to do next, the dearest kind of mistake first."""
    found = [rule(tested) for rule in _RULES]
    return [entry for entry in found if entry]


def _small_targets(tested: Figures) -> Suggestion | None:
    """Larger images where it is the small targets that are missed."""
    imgsz = tested.cfg.get("imgsz")
    if tested.cost[MISSED] < _COST or not isinstance(imgsz, int):
        return None
    targets = _targets(tested, imgsz)
    is_small, is_missed = targets["side_px"] < SMALL_PX, targets["fate"] == MISSED
    small, missed = int(is_small.sum()), int((is_small & is_missed).sum())
    others, others_missed = len(targets) - small, int((~is_small & is_missed).sum())
    if missed < _FEWEST or missed <= others_missed:
        return None
    if others and not _is_more(missed, small, others_missed, others):
        return None
    share = float(np.median(targets.filter(is_small & is_missed)["side_px"])) / imgsz
    # Four times the time and memory at most; what that brings says whether to go on.
    value = min(larger_imgsz(share, int(targets["image_px"].to_numpy().max())), 2 * imgsz)
    if value <= imgsz:
        return None
    reason = said(
        "{missed:,} of {all:,} missed targets are smaller than {side} px a side at imgsz {imgsz}; "
        "of those as small {share:.0%} are missed, of the others {other:.0%}. At {value} half of "
        "them have {then} px or more, for {times:.1f} times the time and memory.",
        missed=missed,
        all=missed + others_missed,
        side=SMALL_PX,
        imgsz=imgsz,
        share=missed / small,
        other=others_missed / max(1, others),
        value=value,
        then=round(share * value),
        times=(value / imgsz) ** 2,
    )
    return Suggestion("small-missed", reason, f"{TIPS} (image size)", {"imgsz": value}, MISSED)


def _rare_class(tested: Figures) -> Suggestion | None:
    """More labels for the class that is missed most where the model has seen few of it."""
    seen = {
        name: int(counts["instances"]) for name, counts in tested.train.get("classes", {}).items()
    }
    usual = float(np.median([count for count in seen.values() if count] or [0]))
    worst = None
    for number, name in enumerate(tested.labels):
        row = tested.matrix[number]
        missed, targets = row[-1], sum(row)
        others = sum(map(sum, tested.matrix[:-1])) - targets
        others_missed = sum(other[-1] for other in tested.matrix[:-1]) - missed
        if missed < _FEWEST or not others or seen.get(name, math.inf) > _RARE * usual:
            continue
        more = missed / targets - others_missed / others
        is_more = _is_more(missed, targets, others_missed, others)
        if more >= _MISSED_MORE and is_more and (worst is None or more > worst[0]):
            worst = more, number, missed, targets
    if worst is None:
        return None
    _, number, missed, targets = worst
    name = tested.labels[number]
    reason = said(
        "{missed:,} of {targets:,} '{name}' are missed, and train has {seen:,} of them where half "
        "of the classes have {usual:,.0f} or more. Label more of it.",
        missed=missed,
        targets=targets,
        name=name,
        seen=seen[name],
        usual=usual,
    )
    source = f"{TIPS} (instances per class)"
    return Suggestion("rare-missed", reason, source, cell=(number, None))


def _confused(tested: Figures) -> Suggestion | None:
    """Two classes side by side where one is taken for the other."""
    counts = np.array(tested.matrix)[:-1, :-1].astype(int)
    if len(counts) < 2:
        return None
    taken = counts + counts.T
    np.fill_diagonal(taken, 0)
    one, other = map(int, np.unravel_index(int(taken.argmax()), taken.shape))
    targets = sum(sum(tested.matrix[number]) for number in (one, other))
    count = int(taken[one, other])
    if count < _FEWEST or count < _CONFUSED * targets:
        return None
    if counts[other, one] > counts[one, other]:
        one, other = other, one
    reason = said(
        "'{one}' and '{other}' are taken for each other in {count:,} of {targets:,} cases. See "
        "whether their labels agree, and whether a person can tell them apart at this size.",
        one=tested.labels[one],
        other=tested.labels[other],
        count=count,
        targets=targets,
    )
    source = f"{TIPS} (label consistency); {_TIDE} (classification error)"
    return Suggestion("confused", reason, source, cell=(one, other))


def _false_alarms(tested: Figures) -> Suggestion | None:
    """More images without objects where boxes are predicted for nothing."""
    train, alarms = tested.train, sum(tested.matrix[-1])
    is_dearest = tested.cost[BACKGROUND] == max(tested.cost.values())
    if not train.get("images") or alarms < _FEWEST:
        return None
    if not is_dearest or tested.cost[BACKGROUND] < _COST:
        return None
    share = train["backgrounds"] / train["images"]
    if share >= _BACKGROUNDS:
        return None
    reason = said(
        "{alarms:,} boxes are predicted where nothing is, and {backgrounds:,} of {images:,} train "
        "images have no object. Add images of what is mistaken here, without labels, up to a "
        "tenth.",
        alarms=alarms,
        backgrounds=train["backgrounds"],
        images=train["images"],
    )
    return Suggestion("false-alarms", reason, f"{TIPS} (background images)", kind=BACKGROUND)


def _doubled(tested: Figures) -> Suggestion | None:
    """A stricter NMS where it would remove the second boxes."""
    iou = tested.cfg.get("iou")
    if tested.cost[DOUBLED] < _COST or not isinstance(iou, float) or iou <= _NMS_IOU:
        return None
    boxes = tested.boxes
    second = np.flatnonzero((boxes["fate"] == DOUBLED).fill_null(value=False).to_numpy())
    predictions = rows_of(boxes, "prediction")
    pairs = overlapping(boxes, class_keys(boxes), predictions, second, _NMS_IOU)
    conf = confidences(boxes)
    gone = len(np.unique(pairs.prediction[conf[pairs.target] > conf[pairs.prediction]]))
    if gone < _FEWEST or gone < len(second) / 2:
        return None
    reason = said(
        "{gone:,} of {second:,} second boxes overlap a more confident one of their class by more "
        "than {value}: NMS would remove them with iou {value}. Targets that stand that close "
        "together would lose theirs too.",
        gone=gone,
        second=len(second),
        value=_NMS_IOU,
    )
    return Suggestion("doubled", reason, f"{_PREDICT} (iou)", {"iou": _NMS_IOU}, DOUBLED)


def _targets(tested: Figures, imgsz: int) -> pl.DataFrame:
    """Give each target's side in px as the model sees it, and what became of it."""
    area = (pl.col("x2") - pl.col("x1")) * (pl.col("y2") - pl.col("y1"))
    longer = pl.max_horizontal("width", "height")
    sizes = tested.images.select("image", image_px=longer)
    return (
        tested.boxes.filter(pl.col("role") == "target")
        .join(sizes, on="image", how="inner")
        .select("fate", "image_px", side_px=area.sqrt() * imgsz / pl.col("image_px"))
    )


def _is_more(count: int, of: int, other: int, other_of: int) -> bool:
    """Whether one share is larger than another by more than chance (test of two proportions)."""
    pooled = (count + other) / (of + other_of)
    error = math.sqrt(pooled * (1 - pooled) * (1 / of + 1 / other_of))
    return count / of - other / other_of > _SURE_Z * error


_RULES: Final[tuple[Callable[[Figures], Suggestion | None], ...]] = (
    _small_targets,
    _rare_class,
    _confused,
    _false_alarms,
    _doubled,
)
