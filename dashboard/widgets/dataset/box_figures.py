"""The charts of boxes as plotly documents: sizes, shapes, boxes an image, places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dashboard.theme import Colours
from dashboard.widgets.charts import legend
from pipeline.core.dataset.checks.boxes import ASPECT_EDGES, PER_IMAGE_EDGES, SIDE_EDGES, BoxStats

IMGSZ = 640
_HEIGHT = 240
_SIDE_TICKS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1)
_ASPECT_TICKS = {
    1 / 16: "1:16",
    1 / 4: "1:4",
    1 / 2: "1:2",
    1: "1:1",
    2: "2:1",
    4: "4:1",
    16: "16:1",
}


def side_figure(boxes: Mapping[str, BoxStats], look: Colours) -> dict[str, Any]:
    """Make the chart of sizes; marked is what COCO calls small and large, at imgsz 640."""
    middles = np.sqrt(np.multiply(SIDE_EDGES[:-1], SIDE_EDGES[1:])).tolist()
    figure = _lines(
        {split: (stats.side, stats.boxes) for split, stats in boxes.items()},
        middles,
        [f"{100 * low:.2g}–{100 * high:.2g} %" for low, high in pairwise(SIDE_EDGES)],
        look,
    )
    ticks = {
        "tickvals": list(_SIDE_TICKS),
        "ticktext": [f"{100 * tick:g} %" for tick in _SIDE_TICKS],
    }
    figure["layout"]["xaxis"] |= {"type": "log"} | ticks
    figure["layout"]["shapes"] = [
        {
            "type": "line",
            "x0": side / IMGSZ,
            "x1": side / IMGSZ,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "line": {"color": look.muted, "width": 1, "dash": "dot"},
        }
        for side in (32, 96)
    ]
    figure["layout"]["annotations"] = [
        {
            "x": float(np.log10(side / IMGSZ)),
            "y": 1,
            "yref": "paper",
            "text": f"{side} px",
            "showarrow": False,
            "xanchor": "left",
            "yanchor": "top",
            "font": {"color": look.muted, "size": 11},
        }
        for side in (32, 96)
    ]
    return figure


def aspect_figure(boxes: Mapping[str, BoxStats], look: Colours) -> dict[str, Any]:
    """Make the chart of shapes."""
    middles = np.sqrt(np.multiply(ASPECT_EDGES[:-1], ASPECT_EDGES[1:])).tolist()
    figure = _lines(
        {split: (stats.aspect, stats.boxes) for split, stats in boxes.items()},
        middles,
        [f"{middle:.2f}" for middle in middles],
        look,
    )
    ticks = {"tickvals": list(_ASPECT_TICKS), "ticktext": list(_ASPECT_TICKS.values())}
    figure["layout"]["xaxis"] |= {"type": "log"} | ticks
    return figure


def per_image_figure(boxes: Mapping[str, BoxStats], look: Colours) -> dict[str, Any]:
    """Make the chart of how many boxes images have."""
    edges = PER_IMAGE_EDGES
    names = [
        str(low) if high == low + 1 else f"{low}–{high - 1}" for low, high in pairwise(edges)
    ] + [f"{edges[-1]}+"]
    last = max(
        (index for stats in boxes.values() for index, count in enumerate(stats.per_image) if count),
        default=0,
    )
    figure = _lines(
        {
            split: (stats.per_image[: last + 1], sum(stats.per_image))
            for split, stats in boxes.items()
        },
        names[: last + 1],
        names[: last + 1],
        look,
        is_bar=True,
    )
    figure["layout"]["xaxis"] |= {"type": "category"}
    return figure


def heat_figure(heat: Sequence[Sequence[int]], look: Colours) -> dict[str, Any]:
    """Make the map of where the centres of boxes lie; the image's top is on top."""
    cells = np.asarray(heat)
    trace = {
        "type": "heatmap",
        "z": cells.tolist(),
        "colorscale": [[0, look.surface], [1, look.accent]],
        "showscale": False,
        "hovertemplate": "%{z:,}<extra></extra>",
    }
    side = {"visible": False, "fixedrange": True, "constrain": "domain"}
    return {
        "data": [trace],
        "layout": _layout(look)
        | {
            "xaxis": side,
            "yaxis": side | {"autorange": "reversed", "scaleanchor": "x"},
            "margin": {"l": 0, "r": 0, "t": 6, "b": 6},
        },
    }


def _lines(
    counts: Mapping[str, tuple[Sequence[int], int]],
    x: Sequence[Any],
    named: Sequence[str],
    look: Colours,
    *,
    is_bar: bool = False,
) -> dict[str, Any]:
    """Draw counts as percent of each split, so that splits of any size compare."""
    palette = (look.accent, look.runs[1], look.runs[2])
    traces = []
    for (split, (values, total)), colour in zip(counts.items(), palette, strict=False):
        drawn: dict[str, Any] = (
            {"type": "bar", "marker": {"color": colour}}
            if is_bar
            else {"type": "scatter", "mode": "lines", "line": {"color": colour, "shape": "hvh"}}
        )
        traces.append(
            drawn
            | {
                "name": split,
                "x": list(x),
                "y": [100 * value / max(total, 1) for value in values],
                "customdata": [
                    [name, f"{value:,}"] for name, value in zip(named, values, strict=True)
                ],
                "hovertemplate": "%{customdata[0]}: %{y:.3g} % (%{customdata[1]})"
                + "<extra>%{fullData.name}</extra>",
            }
        )
    return {"data": traces, "layout": _layout(look)}


def _layout(look: Colours) -> dict[str, Any]:
    axis = {"fixedrange": True, "tickfont": {"color": look.muted, "size": 12}, "zeroline": False}
    return {
        "height": _HEIGHT,
        "margin": {"l": 44, "r": 8, "t": 26, "b": 26},
        "uirevision": "boxes",
        "bargap": 0.15,
        "legend": legend(look),
        "xaxis": axis | {"showgrid": False},
        "yaxis": axis | {"gridcolor": look.border, "ticksuffix": " %", "rangemode": "tozero"},
    }
