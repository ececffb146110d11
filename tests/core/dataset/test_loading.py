"""Checks see a dataset as Ultralytics' loader does under a cfg."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.core.cfg.train_cfg import effective_cfg
from pipeline.core.dataset.loading import loading_of
from pipeline.core.dataset.read import inspect_dataset, write_verified_data
from pipeline.core.dataset.report import DatasetReport
from pipeline.core.volume.paths import Volume
from tests.core.dataset.forms import write_image, write_label

DATA = "path: .\ntrain: images/train\nval: images/val\nnames: [a, b]\n"
BOX = "0.5 0.5 0.2 0.2"


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    """The first two of four train images have no label; ids go to 7."""
    root = tmp_path / "volume"
    for name, lines in {"c": [0, 7], "d": [1]}.items():
        write_label(root / f"labels/train/{name}.txt", [f"{at} {BOX}" for at in lines])
    for split in ("train", "val"):
        for name in "abcd":
            write_image(root / f"images/{split}/{name}.jpg")
    write_label(root / "labels/val/a.txt", [f"0 {BOX}"])
    (root / "data.yaml").write_text(DATA)
    return Volume(root)


def seen(volume: Volume, **cfg: Any) -> DatasetReport:
    return inspect_dataset(volume, "data.yaml", loading=loading_of(effective_cfg("", cfg)))


def codes(report: DatasetReport, severity: str = "error") -> set[str]:
    return {found.code for found in report.all_findings if found.severity == severity}


@pytest.mark.parametrize("fraction", [0.5, 2, [0.5, 1.0], [2, 0.25]])
def test_a_first_part_without_labels_is_an_error(volume: Volume, fraction: Any) -> None:
    report = seen(volume, fraction=fraction)
    assert codes(report) == {"no-labels"}
    assert report.splits["train"].images == 2


def test_mistakes_in_what_is_not_loaded_stop_nothing(volume: Volume) -> None:
    assert codes(seen(volume)) == {"label-class-unknown"}
    (volume.root / "labels/train/a.txt").write_text(f"1 {BOX}\n")
    assert codes(seen(volume, fraction=0.5)) == set()


def test_with_one_class_for_all_no_id_is_unknown(volume: Volume) -> None:
    report = seen(volume, single_cls=True)
    assert codes(report) == set()
    assert report.splits["train"].classes["a"].instances == 3
    assert "class-absent" not in codes(report, "warning")


def test_only_chosen_classes_are_expected_and_counted(volume: Volume) -> None:
    write_label(volume.root / "labels/train/c.txt", [f"0 {BOX}"])
    report = seen(volume, classes=[1])
    assert report.splits["train"].instances == 1
    absent = [found for found in report.all_findings if found.code == "class-absent"]
    assert [found.message for found in absent] == [
        "val has no instance of the classes that are chosen."
    ]


def test_what_one_cfg_loads_is_not_given_for_another(volume: Volume) -> None:
    for cfg in ({}, {"fraction": 2}, {}, {"single_cls": True}, {"fraction": 2}):
        assert seen(volume, **cfg).splits["train"].images == (2 if "fraction" in cfg else 4)


@pytest.mark.parametrize(
    "cfg", [{"fraction": 0.75}, {"fraction": 3, "single_cls": True}, {"classes": 0},
            {"classes": [7], "single_cls": True}],
)  # fmt: skip
def test_ultralytics_loads_the_same(
    volume: Volume, cfg: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultralytics.cfg import get_cfg
    from ultralytics.data import build_yolo_dataset
    from ultralytics.data.utils import check_det_dataset
    from ultralytics.utils import DEFAULT_CFG_DICT

    monkeypatch.setattr("ultralytics.data.utils.check_font", lambda font: None)  # no download
    folder = volume.root / "runs/x/verify"
    data = check_det_dataset(str(write_verified_data(volume, DATA, "data.yaml", folder)))
    args = get_cfg(DEFAULT_CFG_DICT, cfg)
    report = seen(volume, **cfg)
    for split in ("train", "val"):
        theirs = build_yolo_dataset(args, data[split], 2, data, mode=split)
        counts = report.splits[split]
        assert counts.images - counts.dropped_images == len(theirs.labels)
        assert counts.instances == sum(len(entry["cls"]) for entry in theirs.labels)
