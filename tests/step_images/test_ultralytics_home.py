from __future__ import annotations

from pathlib import Path

from step_images.ultralytics_home import train_settings


def test_what_a_checkpoint_would_hand_down_is_said(tmp_path: Path) -> None:
    cfg = tmp_path / "cfg.yaml"
    cfg.write_text("epochs: 3\ndevice: 0\n")
    assert train_settings(cfg) == {"epochs": 3, "imgsz": 640, "single_cls": False}
    cfg.write_text("imgsz: 64\n")
    assert train_settings(cfg)["imgsz"] == 64
