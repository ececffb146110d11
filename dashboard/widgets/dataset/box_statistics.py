"""How large the boxes of a dataset are, how they are shaped, and where in the image they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.i18n import tr
from dashboard.plain import Markdown, joined, plain
from dashboard.theme import Colours, colours
from dashboard.widgets.charts import draw
from dashboard.widgets.choosing import one_of
from dashboard.widgets.dataset.box_figures import (
    IMGSZ,
    aspect_figure,
    heat_figure,
    per_image_figure,
    side_figure,
)
from dashboard.widgets.formats import plural
from pipeline.core.dataset.checks.boxes import BoxStats


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


def _answer(split: str, stats: BoxStats) -> Markdown:
    parts = [
        plural(stats.boxes, "box", "boxes"),
        tr(
            "median side {share:.3g} % of the image, {px:.3g} px at imgsz {imgsz}",
            share=100 * stats.median_side,
            px=IMGSZ * stats.median_side,
            imgsz=IMGSZ,
        ),
    ]
    if stats.tiny:
        parts.append(
            tr(
                ":orange[{tiny} thinner than a pixel at imgsz {imgsz}]",
                tiny=plural(stats.tiny, "box", "boxes"),
                imgsz=IMGSZ,
            )
        )
    return Markdown(f"**{plain(split)}** · {joined(' · ', parts)}")


def _places(boxes: Mapping[str, BoxStats], look: Colours, key: str) -> None:
    @st.fragment
    def places() -> None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(tr("**Where the centres of boxes lie**"))
            splits = {"all": tr("all"), **{name: plain(name) for name in boxes}}
            split = one_of(tr("Split"), splits, f"{key}.split", has_label=False)
        chosen = boxes.values() if split == "all" else [boxes[split]]
        heat = np.sum([stats.heat for stats in chosen], axis=0).tolist()
        draw(heat_figure(heat, look), f"{key}.heat")

    places()


def _chart(title: Markdown, figure: dict[str, Any], key: str) -> None:
    st.markdown(f"**{title}**")
    draw(figure, key)
