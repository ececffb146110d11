"""The charts of a tuning: what its trials say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.i18n import tr
from dashboard.theme import Colours
from dashboard.widgets.charts import axis
from dashboard.widgets.formats import elapsed_s
from dashboard.widgets.runs.comparison import parallel_axis, parallel_lines
from dashboard.widgets.runs.trials import is_number
from pipeline.actions.runs.tuning import Tuning
from pipeline.core.space.trials import KEPT, Trial, best_so_far


def history_chart(found: Tuning, look: Colours, *, by_time: bool) -> go.Figure:
    """Draw each trial's metric and the best so far, over trials or over minutes.

    Over time a trial stands where it ended; trials that do not say when they began are left out.
    """
    trials = list(found.trials)
    if by_time:
        trials = sorted((t for t in trials if t.started_at), key=_ended_s)
    begin = min((_begun_s(t) for t in trials), default=0.0) if by_time else 0.0
    places = [
        (_ended_s(trial) - begin) / 60 if by_time else int(trial.name.rpartition("-")[2])
        for trial in trials
    ]
    figure = go.Figure()
    for title, states, colour, symbol in (
        (tr("done"), ("done",), look.accent, "circle"),
        (tr("ended early"), ("pruned", "stopped"), look.muted, "triangle-down"),
        (tr("running"), ("running",), look.warn, "circle-open"),
    ):
        shown = [(p, t) for p, t in zip(places, trials, strict=True) if t.state in states]
        _add_points(figure, shown, found.metric, title, colour, symbol)
    if found.best:
        figure.add_scatter(
            x=places,
            y=best_so_far(trials, found.metric),
            name=tr("best so far"),
            mode="lines",
            line={"color": look.runs[1], "width": 2, "shape": "hv"},
            hovertemplate="%{y:.4f}<extra></extra>",
        )
    if found.first_score is not None:
        figure.add_hline(
            y=found.first_score,
            line={"color": look.muted, "width": 1, "dash": "dot"},
            annotation={"text": tr("settings as they were"), "font": {"size": 11}},
            annotation_position="top right",
        )
    _lay_out(figure, look, tr("minutes") if by_time else tr("trial"), found.metric)
    figure.update_xaxes(tickformat="" if by_time else "d", nticks=0 if by_time else len(trials))
    figure.update_yaxes(rangemode="nonnegative")
    return figure


def importance_chart(shares: Mapping[str, float], look: Colours) -> go.Figure:
    """Draw how much each setting matters, the most on top."""
    names = list(shares)[::-1]
    figure = go.Figure(
        go.Bar(
            x=[shares[name] for name in names],
            y=names,
            orientation="h",
            marker={"color": look.accent},
            hovertemplate="%{y}: %{x:.0%}<extra></extra>",
        )
    )
    _lay_out(figure, look, tr("importance"), "")
    figure.update_layout(height=90 + 26 * len(names), xaxis={"tickformat": ".0%"})
    return figure


def value_chart(found: Tuning, key: str, look: Colours) -> go.Figure:
    """Draw the metric over one setting, a point a trial, with the value as it was."""
    figure = go.Figure()
    counted = [t for t in _counted(found) if key in t.values]
    is_numeric = all(is_number(trial.values[key]) for trial in counted)
    for title, states, colour, symbol in (
        (tr("done"), ("done",), look.accent, "circle"),
        (tr("ended early"), ("pruned", "stopped"), look.muted, "triangle-down"),
    ):
        shown = [
            (t.values[key] if is_numeric else str(t.values[key]), t)
            for t in counted
            if t.state in states
        ]
        _add_points(figure, shown, found.metric, title, colour, symbol)
    current = found.current.get(key)
    if is_numeric and is_number(current):
        figure.add_vline(
            x=current,
            line={"color": look.runs[1], "width": 1, "dash": "dot"},
            annotation={"text": tr("as it was"), "font": {"size": 11}},
        )
    _lay_out(figure, look, key, found.metric)
    kind = "log" if key in found.log_scaled else "linear"
    figure.update_xaxes(type=kind if is_numeric else "category")
    return figure


def trials_parallel_chart(found: Tuning, keys: Sequence[str], look: Colours) -> go.Figure:
    """Draw a line a trial over one axis for each setting and the metric, which colours it."""
    counted = [t for t in _counted(found) if all(key in t.values for key in keys)]
    scores = [trial.score(found.metric) for trial in counted]
    axes = [
        parallel_axis(key, [t.values[key] for t in counted], is_log=key in found.log_scaled)
        for key in keys
    ]
    scale = [[0, look.border], [0.6, look.accent_soft], [1, look.accent]]
    line = {"color": scores, "colorscale": scale}
    figure = parallel_lines(line, [*axes, parallel_axis(found.metric, scores)], look)
    margin = {"l": 60, "r": 60, "t": 50, "b": 20}
    return figure.update_layout(height=340, margin=margin, uirevision="trials")


def _counted(found: Tuning) -> list[Trial]:
    return [t for t in found.trials if t.state in KEPT and t.score(found.metric) is not None]


def _add_points(
    figure: go.Figure,
    shown: Sequence[tuple[Any, Trial]],
    metric: str,
    title: str,
    colour: str,
    symbol: str,
) -> None:
    scored = [(place, trial) for place, trial in shown if trial.score(metric) is not None]
    if not scored:
        return
    figure.add_scatter(
        x=[place for place, _ in scored],
        y=[trial.score(metric) for _, trial in scored],
        text=[_values_text(trial) for _, trial in scored],
        name=title,
        mode="markers",
        cliponaxis=False,  # one at 0 is seen in full
        marker={"color": colour, "size": 8, "symbol": symbol},
        hovertemplate="%{text}<br>%{y:.4f}<extra></extra>",
    )


def _values_text(trial: Trial) -> str:
    drawn = ", ".join(f"{key} {_short(value)}" for key, value in list(trial.values.items())[:6])
    return f"{trial.name}: {drawn}"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _lay_out(figure: go.Figure, look: Colours, x_title: str, y_title: str) -> None:
    around = {**axis(look), "automargin": True}
    figure.update_layout(
        height=340,
        margin={"l": 10, "r": 12, "t": 30, "b": 10},
        font={"color": look.text},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={**around, "showgrid": False, "title": {"text": x_title, "standoff": 12}},
        yaxis={**around, "title": {"text": y_title, "standoff": 12}},
        uirevision=x_title,
    )


def _begun_s(trial: Trial) -> float:
    return elapsed_s("1970-01-01T00:00:00Z", trial.started_at) or 0.0


def _ended_s(trial: Trial) -> float:
    return _begun_s(trial) + trial.seconds
