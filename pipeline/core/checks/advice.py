"""What a dataset's figures suggest for the settings of a launch: values, reasons and sources.

Each rule asks for figures that support it, and is silent when the cfg already does what it would
say: no advice is the normal case. The limits are ours unless a comment names where they are from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.core.cfg.fraction import used_images
from pipeline.core.said import said

if TYPE_CHECKING:
    from pipeline.core.dataset.report import DatasetReport

_SETTINGS = "https://docs.ultralytics.com/usage/cfg/#train-settings"
TIPS = "https://docs.ultralytics.com/yolov5/tutorials/tips_for_best_training_results/"
_IMBALANCE = 5.0
_FEWEST_INSTANCES = 10  # of the rarest class: weighing up less teaches its few pictures by heart
_WEIGHT_RATIO = 10.0
_STRIDE = 32
SMALL_PX = 16  # two cells of the finest grid of a detector's head, which has a stride of 8
MAX_IMGSZ = 1280
_FEW_UPDATES, _ENOUGH_UPDATES = 100, 300
_MAX_EPOCHS = 300  # where the tips of Ultralytics begin
_FEW_VAL_INSTANCES = 100
_PATIENCE = 50  # the default of Ultralytics' own EarlyStopping


@dataclass(frozen=True)
class Advice:
    """One suggested override.

    Parameters
    ----------
    key, value
        The setting, and what it should be.
    current
        What the launch has now.
    reason
        One or two sentences with the figures that it rests on.
    source
        The documentation page or the paper that says so.
    """

    key: str
    value: Any
    current: Any
    reason: str
    source: str


def advise(
    report: DatasetReport, cfg: Mapping[str, Any], searched: Collection[str] = ()
) -> list[Advice]:
    """Suggest settings that fit the dataset better.

    Parameters
    ----------
    report
        What the dataset holds; without images to train on there is nothing to say.
    cfg
        The effective cfg, checked.
    searched
        Settings that tuning varies: fixing one of them would be a contradiction.
    """
    if "train" not in report.splits or not report.ok:
        return []
    found = [rule(report, cfg) for rule in _RULES]
    return [entry for entry in found if entry and entry.key not in searched]


def taken(
    report: DatasetReport,
    cfg: Mapping[str, Any],
    base: Mapping[str, Any],
    overrides: Mapping[str, Any],
) -> list[Advice]:
    """Give the advice that the overrides follow; `current` is what the cfg has without them.

    Parameters
    ----------
    cfg, base
        The effective cfg with and without `overrides`, both checked.
    """
    found = []
    for key in overrides:
        before = {**cfg, key: base.get(key)}
        found += [entry for entry in advise(report, before) if entry.key == key]
    return [entry for entry in found if entry.value == overrides[entry.key]]


def larger_imgsz(side: float, largest_px: int) -> int:
    """Give the imgsz at which a side, a share of the image, has `SMALL_PX`; else the most there is.

    Parameters
    ----------
    largest_px
        The longer side of the largest image: more pixels than there are show nothing.
    """
    wanted = math.ceil(SMALL_PX / side / _STRIDE) * _STRIDE
    return min(wanted, MAX_IMGSZ, largest_px // _STRIDE * _STRIDE)


def _class_weights(report: DatasetReport, cfg: Mapping[str, Any]) -> Advice | None:
    """Weigh rare classes up by the square root of how rare they are, as Ultralytics' cls_pw does.

    The weight of a class is (1 / instances) ** cls_pw, see `DetectionTrainer.set_class_weights`.
    """
    chosen = cfg["classes"] if isinstance(cfg["classes"], list) else [cfg["classes"]]
    counts = {
        name: counted.instances
        for index, (name, counted) in enumerate(report.splits["train"].classes.items())
        if counted.instances and (chosen == [None] or index in chosen)
    }
    if cfg["cls_pw"] or cfg["single_cls"] or len(counts) < 2:
        return None
    rare, common = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    ratio = counts[common] / counts[rare]
    if ratio < _IMBALANCE or counts[rare] < _FEWEST_INSTANCES:
        return None
    value = min(0.5, round(math.log(_WEIGHT_RATIO) / math.log(ratio), 2))
    reason = said(
        "imbalance {ratio:.1f}: train has {most:,} instances of '{common}' and "
        "{fewest:,} of '{rare}'. With {value:g} an error on '{rare}' weighs "
        "{times:.1f} times one on '{common}'.",
        ratio=ratio,
        most=counts[common],
        common=common,
        fewest=counts[rare],
        rare=rare,
        value=value,
        times=ratio**value,
    )
    source = (
        f"{_SETTINGS} (cls_pw); square root of frequency: Mahajan et al. 2018, arXiv:1805.00932"
    )
    return Advice("cls_pw", value, cfg["cls_pw"], reason, source)


def _image_size(report: DatasetReport, cfg: Mapping[str, Any]) -> Advice | None:
    stats, imgsz = report.boxes.get("train"), cfg["imgsz"]
    if stats is None or not stats.median_side or isinstance(imgsz, list):
        return None
    side_px = stats.median_side * imgsz
    if side_px >= SMALL_PX:
        return None
    sizes = report.image_sizes.get("train")
    value = larger_imgsz(stats.median_side, max(sizes[0][:2]) if sizes else MAX_IMGSZ)
    if value <= imgsz:
        return None
    reason = said(
        "half of {boxes:,} train boxes are smaller than {side_px:.0f} px a side at "
        "imgsz {imgsz}; at {value} that is {then_px:.0f} px. An image then takes "
        "{times:.1f} times the time and memory, and needs to be that large.",
        boxes=stats.boxes,
        side_px=side_px,
        imgsz=imgsz,
        value=value,
        then_px=stats.median_side * value,
        times=(value / imgsz) ** 2,
    )
    return Advice("imgsz", value, imgsz, reason, f"{TIPS} (image size)")


def _epochs(report: DatasetReport, cfg: Mapping[str, Any]) -> Advice | None:
    updates = _updates_an_epoch(report, cfg)
    if not updates or cfg["time"] or updates * cfg["epochs"] >= _FEW_UPDATES:
        return None
    value = min(_MAX_EPOCHS, math.ceil(_ENOUGH_UPDATES / updates / 10) * 10)
    if value < 2 * cfg["epochs"]:
        return None
    train = report.splits["train"]
    images = used_images(cfg["fraction"], train.images - train.dropped_images)
    reason = said(
        "{images:,} train images give {updates} updates of the weights in {epochs} epochs; "
        "{value} epochs give {then}.",
        images=images,
        updates=_about(updates * cfg["epochs"]),
        epochs=cfg["epochs"],
        value=value,
        then=_about(updates * value),
    )
    return Advice("epochs", value, cfg["epochs"], reason, f"{TIPS} (epochs)")


def _close_mosaic(report: DatasetReport, cfg: Mapping[str, Any]) -> Advice | None:
    epochs, last = cfg["epochs"], cfg["close_mosaic"]
    value = max(1, round(epochs / 10))  # the share that the defaults have
    if not cfg["mosaic"] or cfg["time"] or last < epochs or value >= epochs:
        return None
    if _epochs(report, cfg):
        return None  # more epochs settle it
    reason = said(
        "mosaic is off in the last {last} epochs, and the training has {epochs}: it "
        "would never be used. With {value} it is on in the first {until}.",
        last=last,
        epochs=epochs,
        value=value,
        until=epochs - value,
    )
    return Advice("close_mosaic", value, last, reason, f"{_SETTINGS} (close_mosaic)")


def _patience(report: DatasetReport, cfg: Mapping[str, Any]) -> Advice | None:
    val, patience = report.splits.get("val"), cfg["patience"]
    if val is None or not 0 < val.instances < _FEW_VAL_INSTANCES:
        return None
    if not 0 < patience < min(_PATIENCE, cfg["epochs"]):
        return None
    reason = said(
        "val has {instances:,} instances: one found or missed moves recall by "
        "{points:.1f} points, so {patience} epochs without a gain may be chance.",
        instances=val.instances,
        points=100 / val.instances,
        patience=patience,
    )
    return Advice("patience", _PATIENCE, patience, reason, f"{_SETTINGS} (patience)")


_RULES: tuple[Callable[[DatasetReport, Mapping[str, Any]], Advice | None], ...] = (
    _class_weights,
    _image_size,
    _epochs,
    _close_mosaic,
    _patience,
)


def _updates_an_epoch(report: DatasetReport, cfg: Mapping[str, Any]) -> float:
    """Give optimizer steps an epoch: small batches add up to nbs; 0 when the batch is not known."""
    train = report.splits["train"]
    images = used_images(cfg["fraction"], train.images - train.dropped_images)
    if cfg["batch"] < 1 or not images:
        return 0.0
    batch, nominal = int(cfg["batch"]), int(cfg["nbs"])
    return math.ceil(images / batch) / max(1, round(nominal / batch))


def _about(updates: float) -> str:
    return f"{max(1, round(updates)):,}"
