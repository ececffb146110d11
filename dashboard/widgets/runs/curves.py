"""Metric curves by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from dashboard.i18n import marked, tr
from dashboard.theme import Colours
from dashboard.widgets.charts import axis, draw

Points = Sequence[tuple[float, float]]

GROUPS = {
    marked("Accuracy"): ("mAP50-95", "mAP50", "precision", "recall"),
    marked("Loss on train"): ("train/box_loss", "train/cls_loss", "train/dfl_loss"),
    marked("Loss on val"): ("val/box_loss", "val/cls_loss", "val/dfl_loss"),
    marked("Learning rate"): ("lr/pg0", "lr/pg1", "lr/pg2"),
}


def grouped(history: Mapping[str, Points]) -> dict[str, dict[str, Points]]:
    """Sort metrics into charts; metrics that no group names come in a chart of their own group."""
    charts = {
        title: {name: history[name] for name in names if name in history}
        for title, names in GROUPS.items()
    }
    named = {name for names in GROUPS.values() for name in names}
    charts[marked("More")] = {name: points for name, points in history.items() if name not in named}
    return {title: series for title, series in charts.items() if series}


def smoothed(points: Points, weight: float) -> list[tuple[float, float]]:
    """Average each value with those before it, as TensorBoard does; what is no number stays out.

    Parameters
    ----------
    points
        Epoch and value.
    weight
        How much the past counts, from 0 (not at all) to below 1.

    Examples
    --------
    >>> smoothed([(1, 0.0), (2, 3.0)], 0.5)
    [(1, 0.0), (2, 2.0)]
    """
    total = mass = 0.0
    averaged = []
    for epoch, value in points:
        if math.isfinite(value):
            total = weight * total + (1 - weight) * value
            mass = weight * mass + (1 - weight)
            averaged.append((epoch, total / mass))
    return averaged


def show_curves(
    history: Mapping[str, Points], colours: Colours, best_epoch: int | None = None
) -> None:
    """Show all charts in two columns, with smoothing and a log axis that the URL keeps."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        smoothing = st.slider(
            tr("Smoothing"), 0.0, 0.95, step=0.05, key="smoothing", bind="query-params", width=220
        )
        is_log = st.toggle(
            tr("Log axis"),
            key="log_axis",
            bind="query-params",
            help=tr("For all but accuracy; values of zero cannot be drawn on it."),
        )
    columns = st.columns(2, gap="medium")
    for index, (title, series) in enumerate(grouped(history).items()):
        is_accuracy = title == "Accuracy"
        figure = curve_chart(
            series,
            colours,
            best_epoch if is_accuracy else None,
            smoothing=smoothing,
            is_log=is_log and not is_accuracy,
        )
        column = columns[index % 2]
        column.markdown(f"**{tr(title)}**")
        with column:
            draw(figure, f"curve-{title}")


def curve_chart(
    series: Mapping[str, Points],
    colours: Colours,
    best_epoch: int | None = None,
    *,
    smoothing: float = 0.0,
    is_log: bool = False,
    line_colours: Mapping[str, str] | None = None,
    spreads: Mapping[str, Points] | None = None,
) -> go.Figure:
    """Draw curves over the epoch (from 1), with a line at the best epoch if one is given.

    Smoothed curves keep the values that were measured behind them, faint. `line_colours` names
    the colour of each curve; else they are those of the palette, one after the other. `spreads`
    are standard deviations by epoch, drawn as a band around a curve of means.
    """
    figure = go.Figure()
    for index, (name, points) in enumerate(series.items()):
        colour = (line_colours or {}).get(name, colours.runs[index % len(colours.runs)])
        if spreads and spreads.get(name):
            _add_band(figure, points, spreads[name], colour)
        if smoothing:
            _add_curve(figure, name, points, colour, is_faint=True)
        _add_curve(figure, name, smoothed(points, smoothing) if smoothing else points, colour)
    if best_epoch is not None:
        figure.add_vline(
            x=best_epoch,
            line={"color": colours.muted, "width": 1, "dash": "dot"},
            annotation={
                "text": tr("best, epoch {best_epoch}", best_epoch=best_epoch),
                "font": {"size": 11},
            },
            annotation_position="top left",
        )
    last = max((epoch for points in series.values() for epoch, _ in points), default=1)
    figure.update_layout(
        height=255,
        margin={"l": 44, "r": 12, "t": 28, "b": 32},
        font={"color": colours.text},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="x unified",
        xaxis={
            **axis(colours),
            "showgrid": False,
            "title": {"text": tr("epoch")},
            "dtick": max(1, last // 8),
        },
        # Losses, rates and shares: a curve that lies at 0 needs nothing below it.
        yaxis={
            **axis(colours),
            **({"type": "log", "dtick": 1} if is_log else {"rangemode": "nonnegative"}),
        },
        uirevision="log" if is_log else "linear",  # a zoom of one axis means nothing on the other
    )
    return figure


def _add_band(figure: go.Figure, means: Points, spreads: Points, colour: str) -> None:
    around = dict(spreads)
    epochs = [epoch for epoch, _ in means]
    above = [value + around.get(epoch, 0.0) for epoch, value in means]
    below = [value - around.get(epoch, 0.0) for epoch, value in means]
    figure.add_scatter(
        x=[*epochs, *reversed(epochs)],
        y=[*above, *reversed(below)],
        fill="toself",
        fillcolor=colour,
        opacity=0.18,
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )


def _add_curve(
    figure: go.Figure, name: str, points: Points, colour: str, *, is_faint: bool = False
) -> None:
    figure.add_scatter(
        x=[epoch for epoch, _ in points],
        y=[value for _, value in points],
        name=name.rpartition("/")[2],
        mode="lines+markers" if len(points) < 3 else "lines",
        line={"color": colour, "width": 1 if is_faint else 2},
        opacity=0.35 if is_faint else 1.0,
        showlegend=not is_faint,
        hoverinfo="skip" if is_faint else None,
        hovertemplate=None if is_faint else "%{y:.4g}",
    )
