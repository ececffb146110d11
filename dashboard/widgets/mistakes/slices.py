"""Slices of a test: their names, how they differ, and their recall with its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.i18n import marked, tr_said_text, tr_text
from dashboard.theme import Colours
from dashboard.widgets.charts import axis, draw
from dashboard.widgets.dataset.distribution import shortened
from pipeline.core.mistakes.slices import Labels, Place, Rate, Slice

DIMENSIONS = {
    "class": marked("class"),
    "size": marked("size"),
    "share": marked("share of the image"),
    "aspect": marked("shape of the box"),
    "crowding": marked("targets in the image"),
    "brightness": marked("brightness"),
    "sharpness": marked("sharpness"),
    "folder": marked("folder"),
}
MOST_DRAWN = 20
_ROW_PX = 26


def slice_name(place: Place, labels: Labels) -> str:
    """Name a slice in the language of the session."""
    parts = []
    for (name, _), label in zip(place, labels, strict=True):
        text = tr_said_text(label)
        parts.append(tr_text("folder {name}", name=text) if name == "folder" else text)
    return " · ".join(parts)


def slice_table(slices: Sequence[Slice]) -> pd.DataFrame:
    """Make the table of slices."""
    shares = {
        "P": [_value(own.precision) for own in slices],
        "R": [_value(own.recall) for own in slices],
        tr_text("R of the rest"): [own.recall.rest if own.recall else None for own in slices],
        "mAP50": [own.map50 for own in slices],
    }
    return pd.DataFrame(
        {
            tr_text("slice"): [slice_name(own.place, own.labels) for own in slices],
            tr_text("images"): [own.images for own in slices],
            tr_text("targets"): [own.targets for own in slices],
            **{name: pd.Series(values, dtype=float) for name, values in shares.items()},
            tr_text("more than chance"): [_difference(own) for own in slices],
        }
    )


def name_column(names: Iterable[str]) -> Any:
    """Describe a column of names: a long one leaves room for the figures beside it."""
    is_long = any(shortened(name) != name for name in names)
    return st.column_config.TextColumn(width="medium" if is_long else None)


def show_recalls(
    slices: Sequence[Slice], look: Colours, key: str, choose: Callable[[Slice], None]
) -> None:
    """Show the recall of slices with its interval; what truly differs has another mark, too.

    Parameters
    ----------
    key
        Identity of the chart; a new one has no point that is clicked.
    choose
        Called with the slice that is clicked.
    """
    drawn = [(own, own.recall) for own in slices if own.recall][:MOST_DRAWN]
    if not drawn:
        return
    names = [shortened(slice_name(own.place, own.labels)) for own, _ in drawn]
    figure = go.Figure(
        go.Scatter(
            x=[rate.value for _, rate in drawn],
            y=list(range(len(drawn))),
            mode="markers",
            marker={
                "size": 9,
                "color": [_colour(rate, look) for _, rate in drawn],
                "symbol": ["diamond" if rate.is_other else "circle" for _, rate in drawn],
            },
            error_x={
                "array": [rate.high - rate.value for _, rate in drawn],
                "arrayminus": [rate.value - rate.low for _, rate in drawn],
                "color": look.muted,
                "thickness": 1.5,
                "width": 4,
            },
            hovertemplate="R %{x:.3f}<extra></extra>",
        )
    )
    figure.update_layout(
        height=70 + _ROW_PX * len(drawn),
        margin={"l": 10, "r": 10, "t": 10, "b": 40},
        showlegend=False,
        xaxis=axis(look) | {"title": tr_text("recall"), "range": [0, 1.02], "fixedrange": True},
        yaxis=axis(look)
        | {
            "tickvals": list(range(len(drawn))),
            "ticktext": names,
            "range": [len(drawn) - 0.5, -0.5],
            "automargin": True,
            "fixedrange": True,
        },
    )
    draw(figure, key, on_click=lambda point: choose(drawn[int(point["y"])][0]))


def _colour(rate: Rate, look: Colours) -> str:
    if not rate.is_other or rate.rest is None:
        return look.accent
    return look.bad if rate.value < rate.rest else look.good


def _value(rate: Rate | None) -> float | None:
    return rate.value if rate else None


def _difference(own: Slice) -> str:
    """Say in words what differs from the rest by more than chance."""
    words = []
    for rate, lower, higher in (
        (own.recall, tr_text("R lower"), tr_text("R higher")),
        (own.precision, tr_text("P lower"), tr_text("P higher")),
    ):
        if rate and rate.is_other and rate.rest is not None:
            words.append(lower if rate.value < rate.rest else higher)
    return ", ".join(words)
