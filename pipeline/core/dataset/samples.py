"""The images of a dataset as arrays: which fit a filter, which finding is about which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.dataset.files.data_yaml import shown
from pipeline.core.dataset.files.images import label_path
from pipeline.core.dataset.labels.of_image import ImageLabels, LabelLine, read_image_labels
from pipeline.core.dataset.report import BoxTable
from pipeline.core.dataset.thumbnails import Picture, Thumbnails
from pipeline.core.errors import SlipwayError
from pipeline.core.findings import Finding
from pipeline.core.volume.paths import Volume


@dataclass(frozen=True)
class Wanted:
    """Which images to show; what is empty or None lets all pass.

    Parameters
    ----------
    split, code
        Name of a split; code of a finding about the image or one of its label lines.
    class_id
        Images with an instance of it.
    kind
        ``labelled`` or ``background``.
    """

    split: str = ""
    class_id: int | None = None
    code: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Look:
    """One image with what is said about it; whatever cannot be had is None, and `mistake` says why.

    Parameters
    ----------
    picture, labels
        The picture, and the label lines.
    """

    picture: Picture | None = None
    labels: ImageLabels | None = None
    mistake: str = ""

    @property
    def lines(self) -> tuple[LabelLine, ...]:
        return self.labels.lines if self.labels else ()


@dataclass(frozen=True)
class Samples:
    """All images of a dataset.

    Parameters
    ----------
    volume
        Where they lie.
    images
        Absolute paths, split by split.
    splits, split_ids
        Names of the splits; the split of each image as an index into them, shape (images,).
    box_images, box_classes
        Image and class of each instance, shape (instances,).
    marks
        By a finding's code, the indices of the images that have it.
    findings
        Of the dataset.
    keypoint_columns
        See `pipeline.core.dataset.files.data_yaml.Dataset`.
    """

    volume: Volume
    images: Sequence[str]
    splits: tuple[str, ...]
    split_ids: NDArray[np.integer[Any]]
    box_images: NDArray[np.integer[Any]]
    box_classes: NDArray[np.integer[Any]]
    marks: Mapping[str, NDArray[np.integer[Any]]] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    keypoint_columns: int = 0

    def choose(self, wanted: Wanted) -> NDArray[np.intp]:
        """Give the indices of the images that fit, in order."""
        fits = np.ones(len(self.images), dtype=bool)
        if wanted.split:
            fits &= self.split_ids == self.splits.index(wanted.split)
        if wanted.class_id is not None:
            fits &= self._with(self.box_images[self.box_classes == wanted.class_id])
        if wanted.kind:
            fits &= self._with(self.box_images) == (wanted.kind == "labelled")
        if wanted.code:
            fits &= self._with(self._by_code.get(wanted.code, np.empty(0, np.intp)))
        return np.flatnonzero(fits)

    def split_of(self, index: int) -> str:
        """Give the split of an image."""
        return self.splits[int(self.split_ids[index])]

    def name_of(self, index: int) -> str:
        """Give an image's path as people see it."""
        return shown(self.volume, self.images[index])

    def find(self, name: str) -> int | None:
        """Give the image that a path (as people see it) of an image or a label file is about."""
        path = name if name.startswith("/") else f"{self.volume.root}/{name}"
        return self._indices.get(path, self._of_label.get(path))

    def codes(self) -> list[str]:
        """Give the codes of findings that are about images, each once, sorted."""
        return sorted(self._by_code)

    def findings_of(self, index: int) -> list[Finding]:
        """Give the findings about an image and its label lines."""
        return self._by_image.get(index, [])

    def _with(self, indices: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        found = np.zeros(len(self.images), dtype=bool)
        found[indices] = True
        return found

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {path: index for index, path in enumerate(self.images)}

    @cached_property
    def _of_label(self) -> dict[str, int]:
        return {label_path(path): index for index, path in enumerate(self.images)}

    @cached_property
    def _by_image(self) -> dict[int, list[Finding]]:
        found: dict[int, list[Finding]] = defaultdict(list)
        for finding in self.findings:
            where, _, line = finding.where.rpartition(":")
            index = self.find(where if line.isdecimal() else finding.where)
            if index is not None:
                found[index].append(finding)
        return dict(found)

    @cached_property
    def _by_code(self) -> dict[str, NDArray[np.integer[Any]]]:
        named: dict[str, set[int]] = defaultdict(set)
        for index, findings in self._by_image.items():
            for finding in findings:
                named[finding.code].add(index)
        told = {code: np.array(sorted(found), np.intp) for code, found in named.items()}
        return {**told, **self.marks}  # findings are capped, marks are not


def samples_of(
    volume: Volume,
    tables: Mapping[str, BoxTable],
    findings: Sequence[Finding],
    keypoint_columns: int = 0,
) -> Samples:
    """Put the tables of a dataset's splits one behind the other."""
    counts = [len(table.images) for table in tables.values()]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    marks: dict[str, list[NDArray[np.integer[Any]]]] = defaultdict(list)
    for start, table in zip(starts, tables.values(), strict=False):
        for code, indexes in table.marks.items():
            marks[code].append(indexes + start)
    none = np.empty(0, np.intp)
    shifted = [table.image + start for start, table in zip(starts, tables.values(), strict=False)]
    return Samples(
        volume,
        [path for table in tables.values() for path in table.images],
        tuple(tables),
        np.repeat(np.arange(len(counts)), counts),
        np.concatenate([none, *shifted]),
        np.concatenate([none, *(table.class_id for table in tables.values())]),
        {code: np.concatenate(indexes) for code, indexes in marks.items()},
        findings,
        keypoint_columns,
    )


def look_at(
    volume: Volume,
    thumbnails: Thumbnails,
    image: str,
    *,
    class_count: int,
    keypoint_columns: int,
    side_px: int,
) -> Look:
    """Read an image and its label; what is wrong with either becomes `mistake`."""
    picture, labels, mistake = None, None, ""
    try:
        labels = read_image_labels(volume, image, class_count, keypoint_columns)
    except SlipwayError as reason:
        mistake = reason.message
    try:
        picture = thumbnails.get(volume, image, side_px)
    except SlipwayError as reason:
        mistake = reason.message
    return Look(picture, labels, mistake)
