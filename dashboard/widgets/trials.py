"""The trials of a tuning: their table, and what they say together."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.i18n import marked, tr
from dashboard.theme import Colours
from dashboard.widgets.comparison import parallel_axis
from dashboard.widgets.formats import elapsed_s
from pipeline.actions.tuning import Tuning
from pipeline.core.trials import KEPT, Trial, best_so_far

_MARKS = {"running": "●", "done": "✓", "pruned": "▽", "stopped": "■", "interrupted": "■"}
STATES = {
    "running": marked("running"),
    "done": marked("done"),
    "pruned": marked("ended early"),
    "stopped": marked("stopped"),
    "failed": marked("failed"),
    "invalid": marked("invalid"),
    "interrupted": marked("interrupted"),
}
_STOPPING = marked("● stops after this epoch")
_CONFIG = {"displayModeBar": False}


def trial_text(trial: Trial) -> str:
    """Give a trial's state as mark and word: ``✓ done``."""
    return f"{_MARKS.get(trial.state, '✕')} {tr(STATES[trial.state])}"


def trial_table(found: Tuning) -> pd.DataFrame:
    """Make the table of trials: one row each, ★ at the best."""
    best = found.best
    trials = found.trials
    values = {key: [trial.values.get(key) for trial in trials] for key in found.settings}
    return pd.DataFrame(
        {
            "trial": [f"{t.name}{' ★' if t == best else ''}" for t in trials],
            "state": [tr(_STOPPING) if t.name in found.stopping else trial_text(t) for t in trials],
            found.metric: [t.score(found.metric) for t in trials],
            **{key: _column(column) for key, column in values.items()},
            "best epoch": [t.best_epoch if t.score(found.metric) else None for t in trials],
            "epochs": [t.epochs for t in trials],
            "seconds": [t.seconds for t in trials],
            "why": [t.error for t in trials],
        }
    )


def trial_columns(found: Tuning) -> dict[str, Any]:
    """Say how the columns of the table are written."""
    numbers = {
        key: st.column_config.NumberColumn(format="%.4g")
        for key in found.settings
        if all(_is_number(trial.values.get(key)) for trial in found.trials)
    }
    return {
        "trial": st.column_config.Column(tr("trial"), pinned=True),
        "state": st.column_config.Column(tr("state")),
        found.metric: st.column_config.NumberColumn(format="%.4f"),
        **numbers,
        "best epoch": st.column_config.NumberColumn(tr("best epoch")),
        "epochs": st.column_config.NumberColumn(tr("epochs")),
        "seconds": st.column_config.NumberColumn(tr("time, s"), format="%.0f"),
        "why": st.column_config.TextColumn(tr("why it ended")),
    }


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
    is_numeric = all(_is_number(trial.values[key]) for trial in counted)
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
    if is_numeric and _is_number(current):
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
    figure = go.Figure(
        go.Parcoords(
            line={
                "color": scores,
                "colorscale": [[0, look.border], [0.6, look.accent_soft], [1, look.accent]],
            },
            dimensions=[*axes, parallel_axis(found.metric, scores)],
            labelfont={"color": look.text, "size": 12},
            tickfont={"color": look.muted, "size": 11},
            rangefont={"color": "rgba(0,0,0,0)", "size": 1},
        )
    )
    figure.update_layout(
        height=340,
        margin={"l": 60, "r": 60, "t": 50, "b": 20},
        paper_bgcolor=look.background,  # the labels' halo takes its colour from it
        plot_bgcolor="rgba(0,0,0,0)",
        uirevision="trials",
    )
    return figure


def draw(figure: go.Figure, key: str) -> None:
    """Show a figure as the other charts of a run are shown."""
    st.plotly_chart(figure, theme=None, key=key, config=_CONFIG)


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
        text=[html.escape(_values_text(trial)) for _, trial in scored],
        name=title,
        mode="markers",
        marker={"color": colour, "size": 8, "symbol": symbol},
        hovertemplate="%{text}<br>%{y:.4f}<extra></extra>",
    )


def _values_text(trial: Trial) -> str:
    drawn = ", ".join(f"{key} {_short(value)}" for key, value in list(trial.values.items())[:6])
    return f"{trial.name}: {drawn}"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _lay_out(figure: go.Figure, look: Colours, x_title: str, y_title: str) -> None:
    axis = {"gridcolor": look.border, "zeroline": False, "color": look.muted, "automargin": True}
    figure.update_layout(
        height=340,
        margin={"l": 10, "r": 12, "t": 30, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": look.text},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={**axis, "showgrid": False, "title": {"text": x_title, "standoff": 12}},
        yaxis={**axis, "title": {"text": y_title, "standoff": 12}},
        uirevision=x_title,
    )


def _begun_s(trial: Trial) -> float:
    return elapsed_s("1970-01-01T00:00:00Z", trial.started_at) or 0.0


def _ended_s(trial: Trial) -> float:
    return _begun_s(trial) + trial.seconds


def _column(values: Sequence[Any]) -> list[Any]:
    """Give values as one type: a table cannot hold numbers and words in one column."""
    if all(value is None or _is_number(value) for value in values):
        return list(values)
    return ["" if value is None else str(value) for value in values]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
