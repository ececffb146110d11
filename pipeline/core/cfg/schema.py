"""The one schema of training cfgs; a test holds it against the installed Ultralytics.

Keys, defaults, types and limits are Ultralytics'; groups, words and what Slipway sets are ours.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.core.cfg.rows import ROWS
from pipeline.core.cfg.setting import Kind, Setting
from pipeline.core.said import said

__all__ = [
    "COMMON",
    "GROUPS",
    "NOT_IN_DEFAULTS",
    "RENAMED",
    "SCHEMA",
    "UNUSED_GROUPS",
    "Kind",
    "Setting",
]

GROUPS = {
    "training": "Training",
    "optimiser": "Optimiser",
    "augmentation": "Augmentation",
    "loss": "Loss",
    "model": "Model",
    "data": "Data loading",
    "validation": "Validation",
    "output": "Output",
    "tasks": "Other tasks",
    "prediction": "Prediction (not used here)",
    "export": "Export (not used here)",
    "slipway": "Set by Slipway",
}
UNUSED_GROUPS = ("prediction", "export")
_COMMON = """
    epochs imgsz batch patience optimizer lr0 lrf momentum weight_decay warmup_epochs cos_lr
    close_mosaic mosaic mixup scale fliplr degrees hsv_h hsv_s hsv_v freeze seed workers cache
    box cls cls_pw dfl amp
"""
COMMON = frozenset(_COMMON.split())

SCHEMA: dict[str, Setting] = {
    row.key: replace(row, group=group, is_common=row.key in COMMON)
    for group, rows in ROWS.items()
    for row in rows
}
NOT_IN_DEFAULTS = frozenset({"save_dir"})  # accepted by Ultralytics, but not in its default.yaml

RENAMED = {
    "boxes": said("Use show_boxes."),
    "hide_labels": said("Use show_labels with the opposite value."),
    "hide_conf": said("Use show_conf with the opposite value."),
    "line_thickness": said("Use line_width."),
    "end2end": said("Use nms with the opposite value."),
    "int8": said("Use quantize: 8."),
    "half": said("Use quantize: 16."),
    "label_smoothing": said("Remove it."),
    "save_hybrid": said("Remove it."),
    "crop_fraction": said("Remove it."),
    "keras": said("Remove it."),
}
