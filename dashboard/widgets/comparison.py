"""Runs side by side: their chips, the table of metrics and the parameters that differ."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.theme import Colours
from dashboard.widgets.states import state_text
from pipeline.actions.compare import winners


def show_chips(states: Mapping[str, str], run_colours: Mapping[str, str], look: Colours) -> None:
    """Show each run in its colour, with its state and a link to its page."""
    chips = "".join(_chip(run, state, run_colours[run], look) for run, state in states.items())
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:.5rem">{chips}</div>')


def metric_table(
    values: Mapping[str, Mapping[str, float]], baseline: str, metric: str = ""
) -> pd.DataFrame:
    """Make the table of metrics: a row a run, ★ at the best, the difference to the baseline.

    With `metric`, the columns are values of this one metric, of classes for example.
    """
    names = dict.fromkeys(name for of_run in values.values() for name in of_run)
    table: dict[str, Sequence[str]] = {"run": list(values)}
    for name in names:
        column = {run: of_run[name] for run, of_run in values.items() if name in of_run}
        best, against = winners(metric or name, column), column.get(baseline)
        table[name] = [
            _cell(column.get(run), None if run == baseline else against, run in best)
            for run in values
        ]
    return pd.DataFrame(table)


def params_table(params: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Make the table of parameters: a row a parameter, a column a run."""
    rows = [{"parameter": key, **_as_text(values)} for key, values in params.items()]
    return pd.DataFrame(rows)


def comparison_csv(
    values: Mapping[str, Mapping[str, float]], params: Mapping[str, Mapping[str, Any]]
) -> bytes:
    """Make a CSV file of metrics and parameters: a row a run."""
    rows = [
        {"run": run, **of_run, **{name: by_run.get(run) for name, by_run in params.items()}}
        for run, of_run in values.items()
    ]
    text: str = pd.DataFrame(rows).to_csv(index=False)
    return text.encode()


def scatter_chart(
    points: Mapping[str, tuple[Any, float]],
    param: str,
    metric: str,
    look: Colours,
    run_colours: Mapping[str, str],
) -> go.Figure:
    """Draw a metric over a parameter, a point a run; what is no number becomes a category."""
    is_numeric = all(_number(value) is not None for value, _ in points.values())
    figure = go.Figure()
    for run, (value, reached) in points.items():
        figure.add_scatter(
            x=[_number(value) if is_numeric else str(value)],
            y=[reached],
            mode="markers",
            name=run,
            marker={"size": 11, "color": run_colours[run]},
            hovertemplate=f"{html.escape(run)}<br>%{{x}}<br>%{{y:.4g}}<extra></extra>",
        )
    axis = {
        "gridcolor": look.border,
        "zeroline": False,
        "color": look.muted,
        "automargin": True,
    }
    figure.update_layout(
        height=360,
        showlegend=False,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis={
            **axis,
            "title": {"text": param, "standoff": 12},
            "type": "linear" if is_numeric else "category",
        },
        yaxis={**axis, "title": {"text": metric, "standoff": 12}},
    )
    return figure


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _as_text(values: Mapping[str, Any]) -> dict[str, str]:
    return {run: "–" if value is None else str(value) for run, value in values.items()}


def _cell(value: float | None, against: float | None, is_best: bool) -> str:
    if value is None:
        return "–"
    delta = f" ({value - against:+.3g})" if against not in (None, value) else ""
    return f"{'★ ' if is_best else ''}{value:.3g}{delta}"


def _chip(run: str, state: str, colour: str, look: Colours) -> str:
    frame = f"border:1px solid {look.border};border-left:4px solid {colour};border-radius:6px"
    name = html.escape(run)
    return (
        f'<a href="run?run={name}" target="_self" style="padding:.25rem .6rem;{frame};'
        f'color:{look.text};text-decoration:none;overflow-wrap:anywhere">{name} '
        f'<span style="color:{look.muted};font-size:.85rem">{html.escape(state_text(state))}'
        "</span></a>"
    )
