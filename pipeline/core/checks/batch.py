"""The one batch that Ultralytics refuses: a last one of a single small image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pipeline.core.findings import Finding, error
from pipeline.core.said import said

_STRIDE = 32
_AUTO_BATCH = 16  # what Ultralytics takes on a CPU for a share of a GPU's memory


def check_last_batch(cfg: Mapping[str, Any], images: int, gpus: int) -> list[Finding]:
    """Find out whether the training would end each epoch with one image below 64 px.

    At 32 px a network's last layer has one value per channel and image, which cannot be normalised
    when the image is alone in its batch; `BaseTrainer._build_train_pipeline` then refuses to start.

    Parameters
    ----------
    cfg
        The effective cfg, checked.
    images
        Images of the train split that are loaded and not dropped.
    gpus
        How many GPUs share a batch; on none and on one it is whole.
    """
    batch, smallest = _batch(cfg["batch"], gpus), _smallest_px(cfg)
    used = -(-images // max(gpus, 1))
    if not batch or not used or smallest >= 2 * _STRIDE:
        return []
    batch = min(batch, used)
    is_dropped = cfg["compile"] and batch > 1  # a compiled model takes whole batches only
    if (used % batch or batch) != 1 or is_dropped:
        return []
    message = said(
        "{used:,} train images in batches of {batch:,} leave a last batch of one image, "
        "and Ultralytics refuses that at {smallest} px (imgsz={imgsz}).",
        used=used,
        batch=batch,
        smallest=smallest,
        imgsz=cfg["imgsz"],
    )
    better = next((size for size in range(batch + 1, used + 1) if used % size != 1), 0)
    imgsz = 2 * _STRIDE
    hint = said("Use imgsz={imgsz} or more.", imgsz=imgsz)
    if better:
        hint = said("Use batch={batch} or imgsz={imgsz} or more.", batch=better, imgsz=imgsz)
    return [error("last-batch", message, where="batch", next=hint)]


def _batch(value: float, gpus: int) -> int:
    """Give the images of a batch on one device; 0 when that is only known on the GPU."""
    if value < 1:
        return 0 if gpus else _AUTO_BATCH
    return int(value) // max(gpus, 1)


def _smallest_px(cfg: Mapping[str, Any]) -> int:
    """Give the smallest size that the images are brought to."""
    sizes = cfg["imgsz"] if isinstance(cfg["imgsz"], list) else [cfg["imgsz"]]
    size = math.ceil(max(sizes) / _STRIDE) * _STRIDE
    return max(_STRIDE, int(size * (1 - cfg["multi_scale"]))) // _STRIDE * _STRIDE
