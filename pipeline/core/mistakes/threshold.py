"""The confidence at which F1 is best, over all classes and for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.core.mistakes.pairs import Array
from pipeline.core.mistakes.precision import CONFIDENCES, Precision, best_point


@dataclass(frozen=True)
class Threshold:
    """A confidence, and what is reached with it at an IoU of 0.5."""

    conf: float
    precision: float
    recall: float
    f1: float

    def from_kept(self, conf: float) -> Threshold:
        """Give the same at a confidence from which boxes were kept: less of it adds no box."""
        return replace(self, conf=max(self.conf, conf))


def best_of_all(measured: Precision) -> Threshold | None:
    """Give where the mean F1 is best: Ultralytics' P and R, as the test shows them.

    None where nothing was to be found.
    """
    if not len(measured.classes):
        return None
    curves = (measured.precision, measured.recall, measured.f1)
    return _at(measured.best, *(curve.mean(0) for curve in curves))


def best_of_classes(measured: Precision) -> dict[int, Threshold]:
    """Give where each class that has targets is best by itself, by its id."""
    return {
        int(of): _at(best_point(f1), precision, recall, f1)
        for of, precision, recall, f1 in zip(
            measured.classes, measured.precision, measured.recall, measured.f1, strict=True
        )
    }


def by_name(found: Mapping[int, Threshold], names: Sequence[str]) -> dict[str, Threshold | None]:
    """Give what was found for classes by the names of all, which differ; None without targets."""
    return {name: found.get(number) for number, name in enumerate(names)}


def _at(point: int, precision: Array, recall: Array, f1: Array) -> Threshold:
    return Threshold(*(float(curve[point]) for curve in (CONFIDENCES, precision, recall, f1)))
