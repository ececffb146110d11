"""What a test saw over all confidences, in one small file: what takes long is worked out once.

The file is one of a run, so it is believed only where it is of the tables that lie beside it and
every value is one that such a figure can have.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_json, write_json
from pipeline.core.mistakes.cost import KINDS, cost_of_kinds
from pipeline.core.mistakes.kept import read_kept
from pipeline.core.mistakes.precision import precision_of
from pipeline.core.mistakes.size import SHARES, SIZES, OfSize, Sized
from pipeline.core.mistakes.sums import counts
from pipeline.core.mistakes.table import FATES
from pipeline.core.mistakes.threshold import Threshold, best_of_all, best_of_classes
from pipeline.core.volume.run_folder import RunFolder

_METRICS: Final = ("precision", "recall", "mAP50", "mAP50-95")
# The end of a Parquet file has the size and the extremes of every column; of a small one it is all.
_END_BYTES: Final = 64 << 10
_ROUNDING: Final = 1e-6


@dataclass(frozen=True)
class Summary:
    """The figures of a test.

    Parameters
    ----------
    counts
        At `CONF` and `IOU`, see `pipeline.core.mistakes.sums`.
    cost
        See `pipeline.core.mistakes.cost`.
    metrics, sizes
        Ultralytics' means over classes; AP50-95 by size.
    shares
        AP50-95 by the share of the image; None in a file from before it was measured.
    best, best_of_classes
        The confidence with the best F1, over all classes, or None, and by the id of a class.
    """

    counts: dict[str, int]
    cost: dict[str, float]
    metrics: dict[str, float]
    sizes: dict[str, OfSize]
    shares: dict[str, OfSize] | None
    best: Threshold | None
    best_of_classes: dict[int, Threshold]


def write_summary(folder: RunFolder) -> None:
    """Work out and write the figures of the tables that a test has just written."""
    boxes = pl.read_parquet(folder.boxes)
    images = pl.read_parquet(folder.tested_images, columns=["image", "width", "height"])
    measured = precision_of(boxes)
    kept, best = read_kept(folder.boxes), best_of_all(measured)
    document = {
        "of": _digests(folder),
        "kept": asdict(kept),
        "counts": counts(boxes),
        "cost": cost_of_kinds(boxes),
        "metrics": measured.summary(),
        **_by_sizes(boxes, images),
        "threshold": {
            "all": asdict(best.from_kept(kept.conf)) if best else None,
            "classes": {
                of: asdict(at.from_kept(kept.conf)) for of, at in best_of_classes(measured).items()
            },
        },
    }
    write_json(folder.mistakes, document)


def read_summary(folder: RunFolder) -> Summary | None:
    """Read the figures; None where there are none, or none of the tables that are there now."""
    try:
        document = read_json(folder.mistakes, {})
        return _parsed(document) if document["of"] == _digests(folder) else None
    except (
        SlipwayError,
        OSError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
    ):
        return None


def _by_sizes(boxes: pl.DataFrame, images: pl.DataFrame) -> dict[str, dict[str, Any]]:
    sized = Sized(boxes)
    found = {"size": sized.by_size(), "share": sized.by_share(images)}
    return {key: {name: asdict(of) for name, of in by.items()} for key, by in found.items()}


def _digests(folder: RunFolder) -> dict[str, str]:
    return {path.name: _digest(path) for path in (folder.boxes, folder.tested_images)}


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _END_BYTES, 0))
        return hashlib.sha256(b"%d " % size + file.read()).hexdigest()


def _parsed(document: Mapping[str, Any]) -> Summary:
    best, classes = document["threshold"]["all"], document["threshold"]["classes"]
    return Summary(
        counts={fate: _count(document["counts"][fate]) for fate in FATES},
        cost={kind: _share(document["cost"][kind]) for kind in KINDS},
        metrics={name: _share(document["metrics"][name]) for name in _METRICS},
        sizes={name: _size(document["size"][name]) for name in SIZES},
        shares=_shares(document["share"]) if "share" in document else None,
        best=None if best is None else _threshold(best),
        best_of_classes={int(of): _threshold(at) for of, at in classes.items()},
    )


def _shares(given: Mapping[str, Any]) -> dict[str, OfSize]:
    return {name: _size(given[name]) for name in SHARES}


def _size(given: Mapping[str, Any]) -> OfSize:
    ap = given["ap"]
    return OfSize(_count(given["instances"]), None if ap is None else _share(ap))


def _threshold(given: Mapping[str, Any]) -> Threshold:
    return Threshold(*(_share(given[name]) for name in ("conf", "precision", "recall", "f1")))


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(value)
    return value


def _share(value: Any) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= 1 + _ROUNDING:
        raise ValueError(value)
    return float(value)
