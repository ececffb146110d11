"""Measures best.pt on the split that nobody trained or chose with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.cfg.schema import SCHEMA
from pipeline.core.class_names import unique_names
from pipeline.core.files import write_json
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.yamltext.file import load_yaml
from step_images.memory import TEST, memory_explained
from step_images.ultralytics_home import devices, plain, train_settings

# Settings of a cfg that change what a validation measures; the image size is in the checkpoint.
_SETTINGS = ("conf", "iou", "max_det", "agnostic_nms", "augment", "classes", "workers")
# What Ultralytics validates with whatever the training's batch was; said, so that it is known.
_BATCH = {"batch": 16}
_COLUMNS = {
    "precision": "metrics/precision(B)",
    "recall": "metrics/recall(B)",
    "mAP50": "metrics/mAP50(B)",
    "mAP50-95": "metrics/mAP50-95(B)",
    "fitness": "fitness",
}


def measure(
    folder: RunFolder, best: Path, data: Path, split: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Validate a checkpoint; write ``metrics.json``, ``confusion_matrix.json`` and its pictures.

    Of a detection it also writes the tables of what it saw: boxes and images.

    Parameters
    ----------
    folder
        The run folder.
    best
        The checkpoint.
    data
        The data yaml with absolute paths.
    split
        ``train``, ``val`` or ``test``.

    Returns
    -------
    metrics
        The content of ``metrics.json``: the split, the metrics, and the same by class. A class
        without instances in the split has no metrics (null).
    confusion
        ``labels``, the last of them the background, and ``counts``: for each target label how
        often each label was predicted.
    """
    from ultralytics import YOLO

    from step_images.test.watching import watched

    cfg = train_settings(folder.cfg)
    model = YOLO(str(best))
    settings = {key: cfg[key] for key in _SETTINGS if key in cfg} | _BATCH
    if cfg.get("quantize") == 16:  # what `half` means now; a validation has no other precision
        settings["quantize"] = 16
    workers = settings.get("workers", SCHEMA["workers"].default)
    tried = plain({**_BATCH, "imgsz": model.overrides.get("imgsz"), "workers": workers})
    write_json(folder.test_attempt, tried)
    with memory_explained(lambda: tried, TEST), watched(model, folder) as validator:
        results = model.val(
            validator=validator,
            **settings,
            **devices(),
            data=str(data),
            split=split,
            project=str(folder.path),
            name="test",
            exist_ok=True,
            plots=True,
        )
    given = load_yaml(data).data["names"]
    for named in (results, results.confusion_matrix):
        named.names = own_names(named.names, given)
    values = {name: _number(results.results_dict[key]) for name, key in _COLUMNS.items()}
    metrics = {"split": split, **values, "classes": _by_class(results)}
    confusion = {"split": split, **_confusion(results)}
    write_json(folder.step("test") / "confusion_matrix.json", confusion)
    write_json(folder.test_metrics, metrics)
    return metrics, confusion


def chosen_split(data: Path) -> str:
    """Give ``test`` when the data has one, else ``val``."""
    return "test" if load_yaml(data).data.get("test") else "val"


def own_names(called: Mapping[int, Any], given: Mapping[int, str]) -> dict[int, str]:
    """Give the names that the data yaml has where Ultralytics renamed them: ImageNet's codes."""
    from ultralytics.nn.autobackend import check_class_names

    renamed = check_class_names(dict(given))
    return {
        index: given[index] if index in given and renamed[index] == name else str(name)
        for index, name in called.items()
    }


def _by_class(results: Any) -> dict[str, dict[str, Any]]:
    rows = {int(index): row for row, index in enumerate(results.ap_class_index)}
    classes = {}
    for index, name in unique_names(results.names).items():
        row = rows.get(int(index))
        values = [None] * 4 if row is None else map(_number, results.class_result(row))
        classes[name] = {
            "images": int(results.nt_per_image[index]),
            "instances": int(results.nt_per_class[index]),
            **dict(zip(("precision", "recall", "mAP50", "mAP50-95"), values, strict=True)),
        }
    return classes


def _confusion(results: Any) -> dict[str, Any]:
    """Turn Ultralytics' matrix, a row for each prediction, round to one for each target."""
    found = results.confusion_matrix
    return {
        "labels": [*map(str, found.names.values()), "background"],
        "counts": found.matrix.T.astype(int).tolist(),
    }


def _number(value: Any) -> float | None:
    """Give a number that JSON has; NaN, which it has not, becomes null."""
    return float(value) if math.isfinite(value) else None
