"""What a model is that was built from its yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.i18n import tr
from dashboard.plain import Markdown


def show_built(built: Mapping[str, Any]) -> None:
    """Show the size of a model, and how long one image took; nothing when it was not built."""
    if not built:
        return
    gflops = "–" if built["gflops"] is None else f"{built['gflops']:.3g}"
    with st.container(horizontal=True, gap="large"):
        st.metric(tr("Layers"), f"{built['layers']:,}", width="content")
        st.metric(
            tr("Parameters"),
            _millions(built["parameters"]),
            help=f"{built['parameters']:,}",
            width="content",
        )
        st.metric(
            "GFLOPs",
            gflops,
            help=tr("For an image of {imgsz} px", imgsz=built["imgsz"]),
            width="content",
        )
        st.metric(
            tr("One image"),
            tr("{milliseconds:,.0f} ms", milliseconds=1000 * built["forward_s"]),
            help=tr(
                "The first pass of one empty image of {imgsz} px on {device}",
                imgsz=built["imgsz"],
                device=built["device"],
            ),
            width="content",
        )


def built_text(built: Mapping[str, Any]) -> Markdown:
    """Give the same in a line, for where there is little room."""
    gflops = "–" if built["gflops"] is None else f"{built['gflops']:.3g}"
    return tr(
        "{layers:,} layers · {parameters} parameters · {gflops} GFLOPs at {imgsz} px · the first "
        "image took {milliseconds:,.0f} ms on {device}",
        layers=built["layers"],
        parameters=_millions(built["parameters"]),
        gflops=gflops,
        imgsz=built["imgsz"],
        milliseconds=1000 * built["forward_s"],
        device=built["device"],
    )


def _millions(count: int) -> Markdown:
    return Markdown(f"{count / 1e6:.3g} M" if count >= 1e6 else f"{count:,}")
