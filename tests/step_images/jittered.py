"""Measures a model that finds what the labels say, but not quite: each kind of mistake is there.

A program of its own, as a step is: Ultralytics reads its environment when it is imported.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pipeline.core.volume.run_folder import RunFolder
from step_images.ultralytics_home import prepare

IMGSZ = 128


def main(folder: RunFolder, data: Path, split: str, how: str) -> None:
    """Build weights, measure them, and keep what Ultralytics alone says of the same."""
    prepare()
    import torch
    from ultralytics import YOLO

    from step_images.test.measuring import measure

    weights = folder.path / "best.pt"
    torch.manual_seed(1)
    model = YOLO(str(folder.path / "yolov8n-scratch.yaml"))
    model.save(str(weights))
    _set_imgsz(weights)
    _pretend(how)
    measure(folder, weights, data, split)
    alone = YOLO(str(weights)).val(
        data=str(data),
        split=split,
        batch=16,
        plots=True,
        project=str(folder.path),
        name="alone",
    )
    values = {"matrix": alone.confusion_matrix.matrix.T.tolist(), **alone.results_dict}
    (folder.path / "alone.json").write_text(json.dumps(values))


def _set_imgsz(weights: Path) -> None:
    """Say what the weights were trained with, which is what they are measured with."""
    import torch

    content = torch.load(weights, weights_only=False)
    torch.save({**content, "train_args": {"imgsz": IMGSZ, "task": "detect"}}, weights)


def _pretend(how: str) -> None:
    """Put what is predicted in the place of what the model says, which knows nothing."""
    import torch
    from ultralytics.models.yolo.detect import DetectionValidator
    from ultralytics.utils import ops

    before = DetectionValidator.preprocess
    now: dict[str, Any] = {}

    def preprocess(self: Any, batch: dict[str, Any]) -> dict[str, Any]:
        now["batch"] = before(self, batch)
        return now["batch"]

    def postprocess(self: Any, _: Any) -> list[dict[str, torch.Tensor]]:
        batch = now["batch"]
        height, width = batch["img"].shape[2:]
        found = []
        for index, name in enumerate(batch["im_file"]):
            seed = sum(map(ord, name[-30:]))
            mine = batch["batch_idx"] == index
            sides = torch.tensor([width, height, width, height])
            boxes = ops.xywh2xyxy(batch["bboxes"][mine]) * sides
            count = self.nc if how != "nothing" else 0
            found.append(_near(boxes, batch["cls"][mine, 0], count, sides, seed))
        return found

    DetectionValidator.preprocess = preprocess
    DetectionValidator.postprocess = postprocess


def _near(boxes: Any, classes: Any, nc: int, sides: Any, seed: int) -> dict[str, Any]:
    import torch

    random = torch.Generator().manual_seed(seed)
    if not nc or seed % 7 == 0:
        return {"bboxes": boxes[:0], "conf": boxes[:0, 0], "cls": boxes[:0, 0]}
    jitter = torch.randn(3, len(boxes), 4, generator=random)
    sizes = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    places = boxes + jitter * sizes * torch.tensor([0.03, 0.15, 0.4])[:, None, None]
    corners = torch.rand(8, 2, 2, generator=random).sort(1).values.flatten(1) * sides
    places = torch.cat([places.flatten(0, 1), corners])
    other = torch.randint(0, nc, (len(places),), generator=random).float()
    cls = torch.cat([classes.repeat(3), other[-8:]])
    cls = torch.where(torch.rand(len(cls), generator=random) < 0.3, other, cls)
    conf = 0.0011 + 0.998 * torch.rand(len(cls), generator=random) ** 2
    conf[::5] = 0.5  # equals, of which the first comes first
    order = conf.argsort(descending=True, stable=True)[:300]
    return {"bboxes": places[order], "conf": conf[order], "cls": cls[order]}


if __name__ == "__main__":
    main(RunFolder(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
