"""How the boxes of a split are: their sizes, shapes and places, in bins that never change."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Side of a box, sqrt(width x height), as a share of the image's: 10 bins a factor of 10, where the
# first bin also takes what is smaller and the last one what is larger.
SIDE_EDGES = tuple(10 ** (step / 10) for step in range(-30, 1))
# Width to height, both as shares of the image: 8 bins a factor of 2, from 1:16 to 16:1.
ASPECT_EDGES = tuple(2 ** (step / 8) for step in range(-32, 33))
# The last bin takes all that is more; bin i holds edge i up to, not including, edge i + 1.
PER_IMAGE_EDGES = (0, 1, 2, 3, 4, 5, 6, 8, 11, 16, 21, 31, 51, 101, 201, 501)
HEAT_CELLS = 32
# A box that is less than a pixel wide or high at the usual image size teaches nothing.
TINY_SHARE = 1 / 640


@dataclass(frozen=True)
class BoxStats:
    """What the boxes of a split look like; only those that the training uses.

    Parameters
    ----------
    boxes
        How many there are.
    side
        Boxes by sqrt(width x height), the edges are `SIDE_EDGES`.
    aspect
        Boxes by width to height, the edges are `ASPECT_EDGES`.
    per_image
        Images by number of boxes, the edges are `PER_IMAGE_EDGES`; the last bin has no upper edge.
    heat
        Boxes by the cell that their centre lies in, `HEAT_CELLS` x `HEAT_CELLS`, row 0 on top.
    median_side
        Median of sqrt(width x height) as a share of the image's; 0 when there is no box.
    tiny
        Boxes narrower or lower than `TINY_SHARE` of the image: a pixel at imgsz 640.
    """

    boxes: int = 0
    side: tuple[int, ...] = (0,) * (len(SIDE_EDGES) - 1)
    aspect: tuple[int, ...] = (0,) * (len(ASPECT_EDGES) - 1)
    per_image: tuple[int, ...] = (0,) * len(PER_IMAGE_EDGES)
    heat: tuple[tuple[int, ...], ...] = ((0,) * HEAT_CELLS,) * HEAT_CELLS
    median_side: float = 0.0
    tiny: int = 0

    @property
    def tiny_share(self) -> float:
        """Share of tiny boxes, 0 to 1."""
        return self.tiny / self.boxes if self.boxes else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Give the JSON object of ``inspect``."""
        return {**asdict(self), "tiny_share": round(self.tiny_share, 6)}


def box_stats(boxes: NDArray[np.float32], per_image: NDArray[np.integer[Any]]) -> BoxStats:
    """Count boxes by size, shape and place.

    Parameters
    ----------
    boxes
        Centre x, y, width, height as shares of the image; shape (n, 4).
    per_image
        Number of boxes of each image that the training uses, those without boxes too.
    """
    counted = np.searchsorted(PER_IMAGE_EDGES, per_image, side="right") - 1
    images = np.bincount(counted, minlength=len(PER_IMAGE_EDGES))
    if not len(boxes):
        return BoxStats(per_image=tuple(images.tolist()))
    x, y, width, height = boxes.T
    side = np.sqrt(np.maximum(width * height, np.float32(0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        aspect = np.nan_to_num(np.log2(width / height), nan=0.0, neginf=-99, posinf=99)
        size = np.log10(side)
    heat = np.bincount(_cell(y) * HEAT_CELLS + _cell(x), minlength=HEAT_CELLS**2)
    return BoxStats(
        boxes=len(boxes),
        side=_binned((size + 3) * 10, len(SIDE_EDGES) - 1),
        aspect=_binned((aspect + 4) * 8, len(ASPECT_EDGES) - 1),
        per_image=tuple(images.tolist()),
        heat=tuple(tuple(row) for row in heat.reshape(HEAT_CELLS, HEAT_CELLS).tolist()),
        median_side=round(float(np.median(side)), 6),
        tiny=int(tiny(boxes).sum()),
    )


def tiny(boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say which boxes are narrower or lower than a pixel at imgsz 640."""
    return np.minimum(boxes[:, 2], boxes[:, 3]) < np.float32(TINY_SHARE)


def _cell(position: NDArray[np.float32]) -> NDArray[np.intp]:
    # Up to 1 % beside the image is taken by the loader.
    cell: NDArray[np.intp] = np.clip(position * np.float32(HEAT_CELLS), 0, HEAT_CELLS - 1).astype(
        np.intp
    )
    return cell


def _binned(steps: NDArray[np.float32], bins: int) -> tuple[int, ...]:
    index = np.clip(steps, 0, bins - 1).astype(np.intp)
    return tuple(np.bincount(index, minlength=bins).tolist())
