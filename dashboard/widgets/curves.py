"""Metric curves by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.theme import Colours

Points = Sequence[tuple[int, float]]

GROUPS = {
    "Accuracy": ("mAP50-95", "mAP50", "precision", "recall"),
    "Loss on train": ("train/box_loss", "train/cls_loss", "train/dfl_loss"),
    "Loss on val": ("val/box_loss", "val/cls_loss", "val/dfl_loss"),
    "Learning rate": ("lr/pg0", "lr/pg1", "lr/pg2"),
}


def grouped(history: Mapping[str, Points]) -> dict[str, dict[str, Points]]:
    """Sort metrics into charts; metrics that no group names come in a chart of their own group."""
    charts = {
        title: {name: history[name] for name in names if name in history}
        for title, names in GROUPS.items()
    }
    named = {name for names in GROUPS.values() for name in names}
    charts["More"] = {name: points for name, points in history.items() if name not in named}
    return {title: series for title, series in charts.items() if series}


def curve_chart(
    series: Mapping[str, Points], colours: Colours, best_epoch: int | None = None
) -> go.Figure:
    """Draw curves over the epoch (from 1), with a line at the best epoch if one is given."""
    figure = go.Figure()
    for index, (name, points) in enumerate(series.items()):
        figure.add_scatter(
            x=[epoch for epoch, _ in points],
            y=[value for _, value in points],
            name=name.rpartition("/")[2],
            mode="lines+markers" if len(points) < 3 else "lines",
            line={"color": colours.runs[index % len(colours.runs)], "width": 2},
            hovertemplate="%{y:.4g}",
        )
    if best_epoch is not None:
        figure.add_vline(
            x=best_epoch,
            line={"color": colours.muted, "width": 1, "dash": "dot"},
            annotation={"text": f"best, epoch {best_epoch}", "font": {"size": 11}},
            annotation_position="top left",
        )
    last = max((epoch for points in series.values() for epoch, _ in points), default=1)
    axis = {"gridcolor": colours.border, "zeroline": False, "color": colours.muted}
    figure.update_layout(
        height=255,
        margin={"l": 44, "r": 12, "t": 28, "b": 32},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": colours.text},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="x unified",
        xaxis={**axis, "showgrid": False, "title": {"text": "epoch"}, "dtick": max(1, last // 8)},
        yaxis=axis,
        uirevision="keep",
    )
    return figure
