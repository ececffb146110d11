"""What a cfg lets Ultralytics' loader take of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.core.cfg.fraction import used_images
from pipeline.core.dataset.labels.table import LabelTable

_ANY_CLASS = 1 << 31  # with one class for all, the loader asks of no id whether it exists


@dataclass(frozen=True)
class Loading:
    """Which images and labels count.

    Parameters
    ----------
    fractions
        Of train and val: a share up to 1.0, or a number of images.
    single_cls
        Whether all classes are one.
    classes
        The only class ids that count; None for all.
    """

    fractions: tuple[float, float] = (1.0, 1.0)
    single_cls: bool = False
    classes: tuple[int, ...] | None = None

    def images(self, split: str, paths: list[str]) -> list[str]:
        """Give those of a split's images, sorted, that are loaded: the first ones."""
        share = dict(zip(("train", "val"), self.fractions, strict=True)).get(split, 1.0)
        return paths[: used_images(share, len(paths))]

    def labels(self, table: LabelTable) -> LabelTable:
        """Give the labels that are loaded, of the class that they are loaded as."""
        if self.classes is not None:
            table = table.only(np.isin(table.class_id, self.classes))
        return replace(table, class_id=table.class_id * 0) if self.single_cls else table

    def class_count(self, names: Mapping[int, str]) -> int:
        """Give how many ids a label may have without being refused."""
        return _ANY_CLASS if self.single_cls else len(names)

    def expected(self, names: Mapping[int, str]) -> set[int]:
        """Give the classes of which a split should have instances."""
        if self.single_cls:
            return set()
        return set(names if self.classes is None else self.classes)


EVERYTHING = Loading()


def loading_of(cfg: Mapping[str, Any]) -> Loading:
    """Give what an effective cfg, checked, makes the training load."""
    fraction, classes = cfg["fraction"], cfg["classes"]
    train, val, *_ = fraction if isinstance(fraction, list) else (fraction, 1.0)
    if classes is not None:
        classes = tuple(classes) if isinstance(classes, list) else (classes,)
    return Loading((train, val), cfg["single_cls"], classes)
