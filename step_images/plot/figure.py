"""The figure of a class distribution."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib.figure import Figure

from pipeline.core.files import write_atomic
from step_images.fonts import LATIN, hangul

_MAX_HEIGHT_INCHES = 120  # at 100 dpi a PNG stays under what browsers show


def draw(splits: Mapping[str, Any], names: Sequence[str], path: Path) -> None:
    """Draw images and instances of every class side by side, a bar for each split.

    Parameters
    ----------
    splits
        ``splits`` of the `inspect` document.
    names
        Classes, top to bottom.
    path
        The PNG to write.
    """
    rows = max(len(names), 1)
    height = min(1.5 + 0.22 * rows * max(len(splits), 1), _MAX_HEIGHT_INCHES)
    with matplotlib.rc_context({"font.family": fonts()}):
        figure = Figure(figsize=(11, height), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, what in ((left, "images"), (right, "instances")):
            _bars(axes, splits, names, what)
        left.set_yticks(range(len(names)), names, parse_math=False)
        left.invert_yaxis()
        if splits:
            right.legend(loc="lower right")
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=100)
    write_atomic(path, content.getvalue())


def fonts() -> list[str]:
    """Give the fonts to draw with; one with Hangul is behind the usual one when there is any."""
    return [LATIN, *filter(None, [hangul()])]


def _bars(axes: Any, splits: Mapping[str, Any], names: Sequence[str], what: str) -> None:
    thickness = 0.8 / max(len(splits), 1)
    for index, (split, counts) in enumerate(splits.items()):
        values = [counts["classes"].get(name, {}).get(what, 0) for name in names]
        offset = (index - (len(splits) - 1) / 2) * thickness
        places = [row + offset for row in range(len(names))]
        bars = axes.barh(places, values, height=thickness, label=split)
        axes.bar_label(bars, padding=2, fontsize=8)
    axes.set_title(f"{what} by class")
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
