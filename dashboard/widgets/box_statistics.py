"""How large the boxes of a dataset are, how they are shaped, and where in the image they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.i18n import tr
from dashboard.theme import Colours, colours
from dashboard.widgets.formats import plural
from pipeline.core.box_stats import ASPECT_EDGES, PER_IMAGE_EDGES, SIDE_EDGES, BoxStats

_IMGSZ = 640
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


def show_box_statistics(boxes: Mapping[str, BoxStats], key: str) -> None:
    """Show sizes, shapes, boxes an image and places, each split as a share of its own.

    Parameters
    ----------
    boxes
        By split.
    key
        Identity of the dataset.
    """
    counted = {split: stats for split, stats in boxes.items() if stats.boxes}
    if not counted:
        st.info(tr("There is no box that the training uses."), icon=":material/crop_free:")
        return
    look = colours()
    with st.container(gap=None):
        for split, stats in counted.items():
            st.markdown(_answer(split, stats))
    left, right = st.columns(2, gap="medium")
    with left:
        _chart(
            tr("Side of a box, share of the image's side"),
            side_figure(counted, look),
            f"{key}.side",
        )
        _chart(tr("Boxes an image"), per_image_figure(boxes, look), f"{key}.per_image")
    with right:
        _chart(tr("Width to height of a box"), aspect_figure(counted, look), f"{key}.aspect")
        _places(counted, look, key)


def show_image_sizes(sizes: Mapping[str, Sequence[tuple[int, int, int]]]) -> None:
    """Show how large images are, most frequent first.

    Parameters
    ----------
    sizes
        By split (width, height, images); empty until images were opened.
    """
    st.markdown(tr("**Sizes of images**"))
    if not sizes:
        st.caption(tr("Known when every image was opened: see Findings."))
        return
    counts: dict[tuple[int, int], dict[str, int]] = {}
    for split, found in sizes.items():
        for width, height, images in found:
            counts.setdefault((width, height), dict.fromkeys(sizes, 0))[split] = images
    ordered = sorted(counts.items(), key=lambda item: -sum(item[1].values()))
    table = pd.DataFrame(
        [{tr("px"): f"{width} × {height}", **by_split} for (width, height), by_split in ordered]
    )
    st.dataframe(table, hide_index=True, height=min(40 + 35 * len(table), 290))


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
            "x0": side / _IMGSZ,
            "x1": side / _IMGSZ,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "line": {"color": look.muted, "width": 1, "dash": "dot"},
        }
        for side in (32, 96)
    ]
    figure["layout"]["annotations"] = [
        {
            "x": float(np.log10(side / _IMGSZ)),
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


def _answer(split: str, stats: BoxStats) -> str:
    parts = [
        plural(stats.boxes, "box", "boxes"),
        tr(
            "median side {share:.3g} % of the image, {px:.3g} px at imgsz {imgsz}",
            share=100 * stats.median_side,
            px=_IMGSZ * stats.median_side,
            imgsz=_IMGSZ,
        ),
    ]
    if stats.tiny:
        parts.append(
            tr(
                ":orange[{tiny} thinner than a pixel at imgsz {imgsz}]",
                tiny=plural(stats.tiny, "box", "boxes"),
                imgsz=_IMGSZ,
            )
        )
    return f"**{split}** · {' · '.join(parts)}"


def _places(boxes: Mapping[str, BoxStats], look: Colours, key: str) -> None:
    @st.fragment
    def places() -> None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(tr("**Where the centres of boxes lie**"))
            split = st.segmented_control(
                tr("Split"),
                ["all", *boxes],
                format_func=lambda name: tr("all") if name == "all" else name,
                default="all",
                required=True,
                key=f"{key}.split",
                label_visibility="collapsed",
            )
        chosen = boxes.values() if split == "all" else [boxes[str(split)]]
        heat = np.sum([stats.heat for stats in chosen], axis=0).tolist()
        st.plotly_chart(
            heat_figure(heat, look), key=f"{key}.heat", theme=None, config={"displayModeBar": False}
        )

    places()


def _chart(title: str, figure: dict[str, Any], key: str) -> None:
    st.markdown(f"**{title}**")
    st.plotly_chart(figure, key=key, theme=None, config={"displayModeBar": False})


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
                + f"<extra>{split}</extra>",
            }
        )
    return {"data": traces, "layout": _layout(look)}


def _layout(look: Colours) -> dict[str, Any]:
    axis = {"fixedrange": True, "tickfont": {"color": look.muted, "size": 12}, "zeroline": False}
    legend = {"orientation": "h", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"}
    return {
        "height": _HEIGHT,
        "margin": {"l": 44, "r": 8, "t": 26, "b": 26},
        "uirevision": "boxes",
        "bargap": 0.15,
        "legend": legend | {"font": {"color": look.text, "size": 12}},
        "xaxis": axis | {"showgrid": False},
        "yaxis": axis | {"gridcolor": look.border, "ticksuffix": " %", "rangemode": "tozero"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    }
