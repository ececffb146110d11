from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.cfg.train_cfg import effective_cfg
from pipeline.core.checks.advice import Advice, advise, taken
from pipeline.core.checks.preflight import Preflight, preflight
from pipeline.core.dataset.checks.boxes import BoxStats
from pipeline.core.dataset.checks.counts import ClassCounts, SplitCounts
from pipeline.core.dataset.report import DatasetReport
from pipeline.core.findings import error
from pipeline.core.launch.choices import Choices
from pipeline.core.volume.paths import Volume

DEFAULTS = effective_cfg("", {})


def split(images: int, *instances: int) -> SplitCounts:
    classes = {f"c{n}": ClassCounts(images, count) for n, count in enumerate(instances)}
    return SplitCounts(images=images, instances=sum(instances), classes=classes)


def report(*instances: int, images: int = 5000, **more: Any) -> DatasetReport:
    splits = {"train": split(images, *instances), "val": split(500, 900, 900)}
    return DatasetReport("data.yaml", {0: "c0"}, **{"splits": splits, **more})


def advised(data: DatasetReport, **overrides: Any) -> dict[str, Any]:
    return {entry.key: entry.value for entry in advise(data, {**DEFAULTS, **overrides})}


def test_a_balanced_large_dataset_with_the_defaults_gets_no_advice() -> None:
    boxes = {"train": BoxStats(boxes=9000, median_side=0.1)}
    assert advised(report(4000, 5000, boxes=boxes)) == {}


@pytest.mark.parametrize(
    ("counts", "value"),
    [((800, 108), 0.5), ((800, 170), None), ((50_000, 50), 0.33), ((800, 9), None),
     ((800, 0), None), ((800,), None), ((0, 0), None)],
)  # fmt: skip
def test_rare_classes_weigh_more_when_there_is_enough_of_them(
    counts: tuple[int, ...], value: float | None
) -> None:
    assert advised(report(*counts)).get("cls_pw") == value


def test_the_reason_has_the_figures_and_the_source_is_named() -> None:
    (entry,) = advise(report(812, 109), DEFAULTS)
    assert (entry.key, entry.value, entry.current) == ("cls_pw", 0.5, 0.0)
    assert "imbalance 7.4" in entry.reason and "812 instances of 'c0'" in entry.reason
    assert "weighs 2.7 times" in entry.reason  # 7.4 ** 0.5
    assert "arXiv" in entry.source
    assert list(asdict(entry)) == ["key", "value", "current", "reason", "source"]


@pytest.mark.parametrize(
    "overrides", [{"cls_pw": 0.2}, {"single_cls": True}, {"classes": [0]}, {"classes": 1}]
)
def test_what_the_cfg_already_does_is_not_advised(overrides: dict[str, Any]) -> None:
    assert advised(report(800, 50), **overrides) == {}


@pytest.mark.parametrize(
    ("side", "imgsz", "sizes", "value"),
    [(0.02, 640, (), 800), (0.001, 640, (), 1280), (0.025, 640, (), None), (0.02, 1280, (), None),
     (0.0, 640, (), None), (0.02, [640, 480], (), None), (0.01, 640, ((1000, 700, 9),), 992),
     (0.02, 640, ((640, 480, 9),), None)],
)  # fmt: skip
def test_boxes_of_a_few_pixels_ask_for_larger_images(
    side: float, imgsz: Any, sizes: tuple[tuple[int, int, int], ...], value: int | None
) -> None:
    boxes = {"train": BoxStats(boxes=100, median_side=side)}
    data = report(60, 40, boxes=boxes, image_sizes={"train": sizes} if sizes else {})
    assert advised(data, imgsz=imgsz).get("imgsz") == value


@pytest.mark.parametrize(
    ("images", "overrides", "value"),
    [(17, {"epochs": 24, "batch": 16, "nbs": 16}, 150), (17, {"epochs": 24}, 300),
     (5000, {"epochs": 3}, None), (17, {"epochs": 200, "batch": 17, "nbs": 17}, None),
     (17, {"epochs": 3, "batch": -1}, None), (17, {"epochs": 3, "time": 1.0}, None),
     (5000, {"epochs": 5, "fraction": 20, "batch": 16}, 300)],
)  # fmt: skip
def test_few_images_ask_for_more_epochs(
    images: int, overrides: dict[str, Any], value: int | None
) -> None:
    assert advised(report(60, 40, images=images), **overrides).get("epochs") == value


def test_mosaic_that_would_never_be_used() -> None:
    assert advised(report(600, 400), epochs=10) == {"close_mosaic": 1}
    assert advised(report(600, 400), epochs=10, mosaic=0.0) == {}
    assert advised(report(600, 400, images=100_000), epochs=1) == {}
    assert "close_mosaic" not in advised(report(60, 40, images=20), epochs=10)


def test_a_small_val_split_asks_for_patience() -> None:
    few = {"train": split(5000, 600, 400), "val": split(20, 24)}
    (entry,) = advise(report(splits=few), {**DEFAULTS, "patience": 10})
    assert (entry.key, entry.value) == ("patience", 50) and "4.2 points" in entry.reason
    for patience in (0, 50, 100):
        assert advised(report(splits=few), patience=patience) == {}


def test_nothing_is_advised_on_data_that_cannot_be_trained_or_on_what_is_searched() -> None:
    bad = replace(report(800, 50), all_findings=(error("x", "x"),))
    assert advise(bad, DEFAULTS) == advise(DatasetReport("x"), DEFAULTS) == []
    assert advise(report(800, 50), DEFAULTS, {"cls_pw"}) == []


def test_advice_that_is_followed_is_told_with_what_it_was() -> None:
    data = report(800, 50)
    cfg = {**DEFAULTS, "cls_pw": 0.5}
    (entry,) = taken(data, cfg, DEFAULTS, {"cls_pw": 0.5, "epochs": 100})
    assert isinstance(entry, Advice) and (entry.value, entry.current) == (0.5, 0.0)
    assert taken(data, {**DEFAULTS, "cls_pw": 0.4}, DEFAULTS, {"cls_pw": 0.4}) == []


def checked(volume: Path, **changes: Any) -> Preflight:
    return preflight(Volume(volume), replace(Choices(model="yolov8n-scratch.yaml"), **changes))


def test_preflight_gives_advice_for_a_training_only(sample_volume: Path) -> None:
    (entry,) = checked(sample_volume).advice
    assert (entry.key, entry.current) == ("epochs", 24)
    assert checked(sample_volume).as_dict()["advice"] == [asdict(entry)]
    assert checked(sample_volume, train=False).advice == ()
    assert checked(sample_volume, overrides={"epochs": "x"}).advice == ()
    followed = checked(sample_volume, overrides={"epochs": entry.value})
    assert followed.advice == () and followed.taken == (entry,)
