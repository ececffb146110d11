"""The properties of boxes and images by which a test is cut into slices.

A target belongs to the slice of its own box and image. A prediction belongs to the size and aspect
of the target that it met, and without one to those of its own box: so COCO decides whether a
detection is of a size (pycocotools, `COCOeval.evaluateImg`), and so nothing changes its slice by
being drawn a little too large. Its class is its own, as in every P of a class. What is right is
right in one slice, as a target and as a prediction.

Sizes are COCO's, of boxes in pixels of the original image; one of exactly 32² or 96² px, which COCO
counts twice, is of the smaller one; so are shares of the image. A box whose image has no known size
has no share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipeline.core.mistakes.pairs import Array, corners, image_keys
from pipeline.core.mistakes.size import SHARES, SIZES, box_areas, image_areas
from pipeline.core.said import said

# In the order of `SIZES` and of `SHARES`.
SIZE_WORDS: Final = (
    said("small, to 32² px"),
    said("medium, to 96² px"),
    said("large"),
)
SHARE_WORDS: Final = (
    said("to 0.1 % of the image"),
    said("0.1 to 1 % of the image"),
    said("1 to 10 % of the image"),
    said("more than 10 % of the image"),
)
_CROWDS: Final = {
    0: said("no target"),
    1: said("1 target"),
    4: said("2–4 targets"),
    9: said("5–9 targets"),
    29: said("10–29 targets"),
    2**32: said("30 targets or more"),
}
_ASPECT: Final = 1.5
_ASPECTS: Final = (
    said("tall, over {times} × as high as wide", times=_ASPECT),
    said("about square"),
    said("wide, over {times} × as wide as high", times=_ASPECT),
)
_MOST_FOLDERS: Final = 20
_NONE: Final = -1


@dataclass(frozen=True)
class Dimension:
    """What a test can be cut by.

    Parameters
    ----------
    name
        One of `DIMENSIONS`.
    labels
        The slices in the order in which they are shown; those that are `Said` have translations.
    own
        For each row of the table of boxes which of the labels it has, or -1.
    of_image
        The same for each image, where it is one of images.
    is_followed
        Whether a prediction belongs where the target is that it met.
    """

    name: str
    labels: tuple[str, ...]
    own: Array
    of_image: Array | None = None
    is_followed: bool = False

    def codes(self, met: Array) -> Array:
        """Give the slice of each row; `met` is a prediction's target, -1 where there is none."""
        if not self.is_followed:
            return self.own
        codes, rows = self.own.copy(), np.flatnonzero(met >= 0)
        codes[rows] = self.own[met[rows]]
        return codes


def dimension(
    name: str, boxes: pl.DataFrame, images: pl.DataFrame, number: Array, labels: Sequence[str]
) -> Dimension:
    """Cut a test.

    Parameters
    ----------
    name
        One of `DIMENSIONS`.
    boxes, images
        Its tables; ``targets`` of images are counted.
    number
        For each box the row of its image.
    labels
        Names of the classes, by id.
    """
    if name == "class":
        return Dimension(name, tuple(labels), boxes["class"].cast(pl.Int32).to_numpy())
    if name in _OF_BOXES:
        of_boxes, words = _OF_BOXES[name]
        return Dimension(name, words, of_boxes(boxes, images, number), is_followed=True)
    words, of_image = _OF_IMAGES[name](images)
    return Dimension(name, words, of_image[number], of_image)


def image_numbers(boxes: pl.DataFrame, images: pl.DataFrame) -> Array:
    """Give for each box the row of its image, -1 for an image that is not there."""
    of_box, of_image = image_keys(boxes), image_keys(images)
    places = np.full(max(of_box.max(initial=0), of_image.max(initial=0)) + 1, _NONE, np.int32)
    # A file of a run may name an image twice: the first is written last.
    places[of_image[::-1]] = np.arange(len(images))[::-1]
    numbers: Array = places[of_box]
    return numbers


def _size(boxes: pl.DataFrame, images: pl.DataFrame, number: Array) -> Array:
    width, height = sides(boxes)
    return _code(width * height, _bounds(SIZES))


def _share(boxes: pl.DataFrame, images: pl.DataFrame, number: Array) -> Array:
    if not len(images):
        return np.full(len(boxes), _NONE, np.int8)
    share = box_areas(boxes) / image_areas(images).to_numpy()[number]
    return np.where(np.isnan(share), np.int8(_NONE), _code(share, _bounds(SHARES)))


def _bounds(sizes: Mapping[str, tuple[float, float]]) -> list[float]:
    return [high for _, high in sizes.values()][:-1]


def _aspect(boxes: pl.DataFrame, images: pl.DataFrame, number: Array) -> Array:
    width, height = sides(boxes)
    is_tall, is_wide = height > _ASPECT * width, width > _ASPECT * height
    return (1 + is_wide - is_tall.astype(np.int8)).astype(np.int8)


def sides(boxes: pl.DataFrame) -> tuple[Array, Array]:
    """Give width and height of each box, in pixels."""
    places = corners(boxes)
    return places[:, 2] - places[:, 0], places[:, 3] - places[:, 1]


def _crowding(images: pl.DataFrame) -> tuple[tuple[str, ...], Array]:
    targets = images["targets"].to_numpy()
    return tuple(_CROWDS.values()), _code(targets, list(_CROWDS)[:-1])


def _brightness(images: pl.DataFrame) -> tuple[tuple[str, ...], Array]:
    code, low, middle, high = _quarters(images["brightness"])
    words = (
        said("darkest quarter, to {high}", high=low),
        said("rather dark, {low} to {high}", low=low, high=middle),
        said("rather bright, {low} to {high}", low=middle, high=high),
        said("brightest quarter, over {low}", low=high),
    )
    return words, code


def _sharpness(images: pl.DataFrame) -> tuple[tuple[str, ...], Array]:
    code, low, middle, high = _quarters(images["sharpness"])
    words = (
        said("most blurred quarter, to {high}", high=low),
        said("rather blurred, {low} to {high}", low=low, high=middle),
        said("rather sharp, {low} to {high}", low=middle, high=high),
        said("sharpest quarter, over {low}", low=high),
    )
    return words, code


def _folder(images: pl.DataFrame) -> tuple[tuple[str, ...], Array]:
    names = images["image"].cast(pl.String).str.replace(r"/?[^/]*$", "")
    counted = names.value_counts().sort("count", names.name, descending=[True, False])
    folders = counted[names.name].head(_MOST_FOLDERS).to_list()
    places = pl.Series(folders, dtype=pl.String)
    code = names.replace_strict(places, pl.Series(range(len(folders)), dtype=pl.Int8), default=-1)
    words = tuple(folder or said("(no folder)") for folder in folders)
    return words, code.cast(pl.Int8).to_numpy()


def _quarters(values: pl.Series) -> tuple[Array, str, str, str]:
    """Cut images into quarters; give each one's, and the bounds; -1 where nobody measured."""
    known = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    is_known = np.isfinite(known)
    if not is_known.any():
        return np.full(len(known), _NONE, np.int8), "", "", ""
    bounds = np.quantile(known[is_known], (0.25, 0.5, 0.75))
    low, middle, high = (f"{bound:.0f}" if bound >= 10 else f"{bound:.2g}" for bound in bounds)
    return np.where(is_known, _code(known, bounds), np.int8(_NONE)), low, middle, high


def _code(values: Array, bounds: Array | list[float] | list[int]) -> Array:
    """Give how many bounds a value exceeds."""
    return np.searchsorted(np.asarray(bounds), values, side="left").astype(np.int8)


_Words = tuple[str, ...]
_OF_BOXES: Final[dict[str, tuple[Callable[[pl.DataFrame, pl.DataFrame, Array], Array], _Words]]] = {
    "size": (_size, SIZE_WORDS),
    "share": (_share, SHARE_WORDS),
    "aspect": (_aspect, _ASPECTS),
}
_OF_IMAGES: Final[dict[str, Callable[[pl.DataFrame], tuple[_Words, Array]]]] = {
    "crowding": _crowding,
    "brightness": _brightness,
    "sharpness": _sharpness,
    "folder": _folder,
}
DIMENSIONS: Final = ("class", *_OF_BOXES, *_OF_IMAGES)
