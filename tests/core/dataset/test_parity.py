"""Ultralytics, given the rewritten yaml, sees what the inspection says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pipeline.core.dataset.read import inspect_dataset, write_verified_data
from pipeline.core.volume.paths import Volume
from tests.core.dataset.forms import FORMS, Build


@pytest.mark.parametrize("build", FORMS, ids=lambda build: build.__name__)
def test_ultralytics_counts_the_same(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultralytics.data import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    root = tmp_path / "volume"
    name = build(root)
    volume = Volume(root)
    report = inspect_dataset(volume, name, deep=True)
    assert report.ok, report.findings
    verified = write_verified_data(
        volume, (root / name).read_text(encoding="utf-8-sig"), name, root / "runs/x/verify"
    )
    monkeypatch.chdir(tmp_path)  # nothing may depend on the working directory
    monkeypatch.setattr("ultralytics.data.utils.check_font", lambda font: None)  # no download
    data = check_det_dataset(str(verified))
    assert data["names"] == report.names
    for split, counts in report.splits.items():
        theirs = YOLODataset(img_path=data[split], data=data, task="detect", imgsz=32)
        kept = Counter(int(row[0]) for label in theirs.labels for row in label["cls"])
        shown_in = Counter(
            int(index) for label in theirs.labels for index in {row[0] for row in label["cls"]}
        )
        assert counts.images - counts.dropped_images == len(theirs.labels)
        assert counts.instances == kept.total()
        assert {report.names[index]: (shown_in[index], kept[index]) for index in report.names} == {
            cls: (entry.images, entry.instances) for cls, entry in counts.classes.items()
        }
