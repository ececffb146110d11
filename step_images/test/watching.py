"""Ultralytics' validator of detections, which also hands over what it sees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch.nn import functional
from ultralytics import YOLO
from ultralytics.models.yolo.detect import DetectionValidator
from ultralytics.utils import ops

from pipeline.core.mistakes.summary import write_summary
from pipeline.core.mistakes.table import LEAST_CONF, image_name, images_base
from pipeline.core.volume.run_folder import RunFolder
from step_images.test.tables import Tables

# Sharpness is measured on images of at most so many pixels a side, so that it costs little.
_LOOK = 320


@contextmanager
def watched(model: YOLO, folder: RunFolder) -> Iterator[Callable[..., DetectionValidator] | None]:
    """Give the validator that writes the tables of a run, which are complete when the block ends.

    Their figures are then written, too.

    None, and no tables, where the model is measured by another kind of validator.
    """
    if model.task_map[model.task]["validator"] is not DetectionValidator:
        yield None
        return
    with Tables(folder) as tables:
        yield partial(_Watcher, tables)
    write_summary(folder)


class _Watcher(DetectionValidator):
    """Measures as its base does: it looks at what that has measured, and changes nothing.

    Ultralytics validates in one process, with several GPUs too, so nobody else writes the tables.
    """

    def __init__(self, tables: Tables, **given: Any) -> None:
        super().__init__(**given)
        self._tables = tables

    def init_metrics(self, model: torch.nn.Module) -> None:
        super().init_metrics(model)
        places = self.data[self.args.split]
        given = places if isinstance(places, list) else [places]
        self._base = images_base([Path(place) for place in given])
        self._known = set[str]()
        self._left_out = 0

    def update_metrics(self, preds: list[dict[str, torch.Tensor]], batch: dict[str, Any]) -> None:
        super().update_metrics(preds, batch)
        names = [image_name(path, self._base) for path in batch["im_file"]]
        targets, found = _targets(batch), _predictions(preds, batch)
        is_kept = found["conf"] >= LEAST_CONF
        self._left_out += int((~is_kept).sum())
        boxes = {name: np.concatenate([targets[name], found[name][is_kept]]) for name in found}
        order = np.argsort(boxes["image"], kind="stable")
        boxes = {name: column[order] for name, column in boxes.items()}
        self._add(_image_rows(names, batch, targets), boxes)

    def finalize_metrics(self) -> None:
        super().finalize_metrics()
        self._tables.facts.update(
            conf=max(self.args.conf, LEAST_CONF),
            max_det=self.args.max_det,
            predictions_left_out=self._left_out,
            images_left_out=self.seen - len(self._known),
        )

    def _add(self, images: pl.DataFrame, boxes: dict[str, np.ndarray]) -> None:
        """Name the boxes' images; one that a split has twice is kept once, and counted."""
        at = boxes.pop("image")
        names = images["image"]
        is_new = np.array([self._is_new(name) for name in names], dtype=bool)
        rows = pl.DataFrame({"image": names.gather(at), **boxes})
        rows = rows.with_columns(
            role=pl.when(pl.col("conf").is_nan())
            .then(pl.lit("target"))
            .otherwise(pl.lit("prediction")),
            conf=pl.col("conf").fill_nan(None),
        )
        self._tables.add(images.filter(is_new), rows.filter(is_new[at]))

    def _is_new(self, name: str) -> bool:
        is_new = name not in self._known
        self._known.add(name)
        return is_new


def _image_rows(
    names: list[str], batch: dict[str, Any], targets: dict[str, np.ndarray]
) -> pl.DataFrame:
    brightness, sharpness = _looks(batch)
    return pl.DataFrame(
        {
            "image": names,
            "width": [width for _, width in batch["ori_shape"]],
            "height": [height for height, _ in batch["ori_shape"]],
            "targets": np.bincount(targets["image"], minlength=len(names)),
            "brightness": brightness,
            "sharpness": sharpness,
        }
    )


def _predictions(
    preds: list[dict[str, torch.Tensor]], batch: dict[str, Any]
) -> dict[str, np.ndarray]:
    counts = [len(pred["cls"]) for pred in preds]
    parts = [
        torch.cat([pred["bboxes"].float(), pred["conf"][:, None], pred["cls"][:, None]], dim=1)
        for pred in preds
    ]
    rows = torch.cat(parts).cpu().numpy()  # one transfer a batch
    image = np.repeat(np.arange(len(counts)), counts)
    return _columns(image, rows[:, 5], rows[:, 4], rows[:, :4], batch)


def _targets(batch: dict[str, Any]) -> dict[str, np.ndarray]:
    height, width = batch["img"].shape[2:]
    image = batch["batch_idx"].cpu().numpy().astype(np.int64)
    xyxy = ops.xywh2xyxy(batch["bboxes"].float()).cpu().numpy() * (width, height, width, height)
    classes = batch["cls"].cpu().numpy().reshape(-1)
    return _columns(image, classes, np.full(len(image), np.nan, np.float32), xyxy, batch)


def _columns(
    image: np.ndarray,
    classes: np.ndarray,
    conf: np.ndarray,
    xyxy: np.ndarray,
    batch: dict[str, Any],
) -> dict[str, np.ndarray]:
    """Put boxes back into the original images, but not cut off at the edges."""
    ratios = np.array([[x, y, x, y] for (y, x), _ in batch["ratio_pad"]])
    pads = np.array([[x, y, x, y] for _, (x, y) in batch["ratio_pad"]])
    places = ((xyxy - pads[image]) / ratios[image]).astype(np.float32)
    corners = dict(zip(("x1", "y1", "x2", "y2"), places.T, strict=True))
    return {"image": image, "class": classes.astype(np.int32), "conf": conf, **corners}


def _looks(batch: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Give brightness and sharpness of each image of a batch, without its grey border."""
    regions = defaultdict(list)
    for index, ((height, width), (ratio, pad)) in enumerate(
        zip(batch["ori_shape"], batch["ratio_pad"], strict=True)
    ):
        size = round(height * ratio[0]), round(width * ratio[1])
        regions[(round(pad[1]), round(pad[0]), *size)].append(index)
    grey = batch["img"].float().mean(1, keepdim=True)
    looks = torch.empty((len(grey), 2), device=grey.device)
    for (top, left, height, width), indexes in regions.items():
        inside = grey[..., top : top + height, left : left + width]
        looks[indexes] = _looks_of(inside if len(indexes) == len(grey) else inside[indexes])
    brightness, sharpness = looks.cpu().numpy().T
    return brightness, sharpness


def _looks_of(grey: torch.Tensor) -> torch.Tensor:
    height, width = grey.shape[2:]
    scale = min(1, _LOOK / max(height, width))
    size = max(3, round(height * scale)), max(3, round(width * scale))
    small = functional.interpolate(grey, size=size, mode="area") * 255
    around = small[..., :-2, 1:-1] + small[..., 2:, 1:-1] + small[..., 1:-1, :-2]
    laplacian = around + small[..., 1:-1, 2:] - 4 * small[..., 1:-1, 1:-1]
    values = laplacian.flatten(1).var(1, correction=0)
    return torch.stack([small.mean((1, 2, 3)), values], dim=1)
