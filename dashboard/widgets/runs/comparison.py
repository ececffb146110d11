"""Runs side by side: their chips, the table of metrics and the parameters that differ."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.theme import Colours
from dashboard.widgets.charts import axis
from dashboard.widgets.states import state_text
from pipeline.actions.runs.compare import winners
from pipeline.actions.runs.model import RunDetails, RunFacts
from pipeline.core.spreadsheet import csv_text

# What fits beside the first axis, in characters; ends of file names tell more than beginnings.
_LABEL = 16


def show_chips(
    runs: Mapping[str, RunDetails], run_colours: Mapping[str, str], look: Colours
) -> None:
    """Show each run in its colour, with its state and a link to its page."""
    chips = "".join(_chip(run, runs[run].facts, run_colours[run], look) for run in runs)
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:.5rem">{chips}</div>')


def metric_table(
    values: Mapping[str, Mapping[str, float]],
    baseline: str,
    metric: str = "",
    spreads: Mapping[str, Mapping[str, float]] | None = None,
) -> pd.DataFrame:
    """Make the table of metrics: a row a run, ★ at the best, the difference to the baseline.

    With `metric`, the columns are values of this one metric, of classes for example. A row of
    several runs has the standard deviation of a value in `spreads`.
    """
    names = dict.fromkeys(name for of_run in values.values() for name in of_run)
    table: dict[str, Sequence[str]] = {"run": list(values)}
    for name in names:
        column = {run: of_run[name] for run, of_run in values.items() if name in of_run}
        best, against = winners(metric or name, column), column.get(baseline)
        table[name] = [
            _cell(
                column.get(run),
                None if run == baseline else against,
                (spreads or {}).get(run, {}).get(name),
                is_best=run in best,
            )
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
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return csv_text(columns, ([row.get(name) for name in columns] for row in rows)).encode()


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
            hovertemplate="%{fullData.name}<br>%{x}<br>%{y:.4g}<extra></extra>",
        )
    around = {**axis(look), "automargin": True}
    figure.update_layout(
        height=360,
        showlegend=False,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={
            **around,
            "title": {"text": param, "standoff": 12},
            "type": "linear" if is_numeric else "category",
        },
        yaxis={**around, "title": {"text": metric, "standoff": 12}},
    )
    return figure


def parallel_chart(
    values: Mapping[str, Mapping[str, Any]], look: Colours, run_colours: Mapping[str, str]
) -> go.Figure:
    """Draw a line a run over one axis for each parameter and metric, in the run's colour.

    Parameters
    ----------
    values
        By axis the value of each run; a value that is no number is a place on the axis. Runs that
        lack one of them are left out.
    """
    axes = list(values)
    runs = [run for run in run_colours if all(values[name].get(run) is not None for name in axes)]
    last = max(len(runs) - 1, 1)
    line = {
        "color": list(range(len(runs))),
        "colorscale": [[i / last, run_colours[run]] for i, run in enumerate(runs)]
        if len(runs) > 1
        else [[0, run_colours[run]] for run in runs] + [[1, look.muted]],
        "cmin": 0,
        "cmax": last,
    }
    places = [parallel_axis(name, [values[name][run] for run in runs]) for name in axes]
    figure = parallel_lines(line, places, look)
    return figure.update_layout(height=360, margin={"l": 110, "r": 60, "t": 50, "b": 20})


def parallel_lines(
    line: Mapping[str, Any], axes: Sequence[Mapping[str, Any]], look: Colours
) -> go.Figure:
    """Draw parallel coordinates over axes that `parallel_axis` made, with colours from `line`."""
    figure = go.Figure(
        go.Parcoords(
            line=line,
            dimensions=axes,
            labelfont={"color": look.text, "size": 12},
            tickfont={"color": look.muted, "size": 11},
            rangefont={"color": "rgba(0,0,0,0)", "size": 1},
        )
    )
    # The labels' halo takes its colour from it.
    return figure.update_layout(paper_bgcolor=look.background)


def parallel_axis(name: str, values: Sequence[Any], *, is_log: bool = False) -> dict[str, Any]:
    """Make one axis of parallel coordinates; values that are no numbers are places on it."""
    numbers = [_number(value) for value in values]
    if is_log and all(number is not None and number > 0 for number in numbers):
        return _log_axis(name, [math.log10(number) for number in numbers if number])
    if all(number is not None for number in numbers):
        return {"label": name, "values": numbers}
    places = sorted(set(map(str, values)))
    return {
        "label": name,
        "values": [places.index(str(value)) for value in values],
        "tickvals": list(range(len(places))),
        "ticktext": [place if len(place) <= _LABEL else "…" + place[-_LABEL:] for place in places],
    }


def counts_chart(
    counts: Mapping[str, Mapping[str, int]], look: Colours, run_colours: Mapping[str, str]
) -> go.Figure:
    """Draw instances by class, a bar a run."""
    figure = go.Figure()
    for run, of_run in counts.items():
        figure.add_bar(
            x=list(of_run),
            y=list(of_run.values()),
            name=run,
            marker={"color": run_colours[run]},
            hovertemplate="%{fullData.name}<br>%{x}: %{y:,} instances<extra></extra>",
        )
    around = {**axis(look), "automargin": True}
    figure.update_layout(
        height=320,
        barmode="group",
        showlegend=False,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={**around, "type": "category"},
        yaxis={**around, "title": {"text": "instances", "standoff": 12}},
    )
    return figure


def _log_axis(name: str, exponents: Sequence[float]) -> dict[str, Any]:
    low, high = min(exponents, default=0.0), max(exponents, default=1.0)
    ticks = [low + (high - low) * part / 4 for part in range(5)]
    return {
        "label": name,
        "values": list(exponents),
        "tickvals": ticks,
        "ticktext": [f"{10**tick:.3g}" for tick in ticks],
    }


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _as_text(values: Mapping[str, Any]) -> dict[str, str]:
    return {run: "–" if value is None else str(value) for run, value in values.items()}


def _cell(
    value: float | None, against: float | None, spread: float | None, *, is_best: bool
) -> str:
    if value is None:
        return "–"
    around = "" if spread is None else f" ± {spread:.2g}"
    delta = f" ({value - against:+.3g})" if against not in (None, value) else ""
    return f"{'★ ' if is_best else ''}{value:.3g}{around}{delta}"


def _chip(run: str, facts: RunFacts, colour: str, look: Colours) -> str:
    frame = f"border:1px solid {look.border};border-left:4px solid {colour};border-radius:6px"
    target = run if facts.folder else facts.id
    return (
        f'<a href="run?run={quote(target)}" target="_self" style="padding:.25rem .6rem;{frame};'
        f'color:{look.text};text-decoration:none;overflow-wrap:anywhere">{html.escape(run)} '
        f'<span style="color:{look.muted};font-size:.85rem">'
        f"{html.escape(state_text(facts.state))}</span></a>"
    )
