from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ultralytics import cfg as theirs
from ultralytics.utils import DEFAULT_CFG_DICT

from pipeline.core.cfg.train_cfg import effective_cfg, merge_cfg
from step_images.train.applied import compare
from step_images.ultralytics_home import train_settings


@pytest.mark.parametrize(
    "line",
    ["multi_scale: false", "multi_scale: true", "dropout: false", "boxes: false", "half: true",
     "half: false", "int8: true", "label_smoothing: 0.0", "save_hybrid: false", "keras: false",
     "hide_labels: true", "hide_conf: false", "line_thickness: 3", "end2end: true",
     "crop_fraction: 1.0", "quantize: fp16", "quantize: W8A8", "amp: FP16", "epochs: true",
     "patience: false", "fraction: 1", "cache: true", "nms: false", "close_mosaic: -1"],
)  # fmt: skip
def test_a_setting_of_an_older_ultralytics_is_applied_as_asked(tmp_path: Path, line: str) -> None:
    cfg = tmp_path / "cfg.yaml"
    cfg.write_text(merge_cfg(line, {}))
    used = vars(theirs.get_cfg(DEFAULT_CFG_DICT, train_settings(cfg)))
    assert compare(effective_cfg(line, {}), used, used)["different"] == []


@pytest.mark.parametrize(
    ("requested", "applied"),
    [
        ({"imgsz": [640, 480]}, {"imgsz": 640}),
        ({"multi_scale": 0.5}, {"multi_scale": 0.0, "task": "classify"}),
        ({"compile": True, "distill_model": "a.pt"}, {"compile": False}),
    ],
)
def test_what_ultralytics_works_out_itself_is_not_different(
    requested: dict[str, Any], applied: dict[str, Any]
) -> None:
    assert compare(requested, {}, {**requested, **applied})["different"] == []
