"""What mistakes cost, and which class was taken for which."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.i18n import tr_text
from dashboard.theme import Colours
from dashboard.widgets.charts import draw
from dashboard.widgets.dataset.distribution import shortened
from dashboard.widgets.mistakes.words import FATES, Cell
from pipeline.core.class_names import unique_labels

_BAR_PX = 48
_LEAST_SHOWN = 0.0005
_ROW_PX = 32
_MOST_ROWS = 12
_MOST_COLOURED = 250_000  # cells; pandas colours no more


def show_cost(
    cost: Mapping[str, float], lost: float, look: Colours, choose: Callable[[str], None]
) -> None:
    """Show how much of the mAP50 that is lost each kind of mistake costs, as parts of one bar.

    What is left of it no kind costs alone: mended together they would bring more than their sum.

    Parameters
    ----------
    choose
        Called with the kind whose part is clicked.
    """
    kinds = sorted((name for name in cost if cost[name] > 0), key=lambda name: -cost[name])
    parts = [(tr_text(FATES[name]), cost[name], look.runs[at]) for at, name in enumerate(kinds)]
    rest = lost - sum(cost.values())
    if rest > _LEAST_SHOWN:
        parts.append((tr_text("several together"), rest, look.border))
    figure = go.Figure(
        [
            go.Bar(
                x=[value],
                y=[""],
                orientation="h",
                name=f"{name} {value:.3f}",
                marker={"color": colour, "line": {"color": look.background, "width": 2}},
                hoverinfo="name",
                hoverlabel={"namelength": -1},
            )
            for name, value, colour in parts
        ]
    )
    figure.update_layout(
        barmode="stack",
        height=_BAR_PX,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        showlegend=False,
        xaxis={"visible": False, "fixedrange": True, "range": [0, sum(part[1] for part in parts)]},
        yaxis={"visible": False, "fixedrange": True},
    )

    # Plotly's own legend scrolls where a phone has no room for it.
    st.html("".join(_key(*part) for part in parts))

    def clicked(point: Mapping[str, Any]) -> None:
        if point["curve_number"] < len(kinds):
            choose(kinds[point["curve_number"]])

    draw(figure, "mistakes.cost", on_click=clicked)


def _key(name: str, value: float, colour: str) -> str:
    square = f'<i style="background: {colour}"></i>'
    return f'<span class="mistakes-key">{square}{html.escape(name)} {value:.3f}</span> '


def choose_cell(
    matrix: Mapping[str, Any], look: Colours, *, is_share: bool, cell: Cell | None, key: str
) -> Cell | None:
    """Show the confusion matrix as a table; give the cell that is chosen.

    Parameters
    ----------
    cell
        The one that is chosen at first.
    key
        Identity of the table; a new one begins with ``cell`` again.

    Returns
    -------
    cell
        Ids of the target's and the predicted class, of which None is the background; None where
        no cell is chosen.
    """
    ids: list[int | None] = [*range(len(matrix["labels"]) - 1), None]
    labels = list(unique_labels([*map(shortened, matrix["labels"][:-1]), tr_text("(background)")]))
    index = pd.Index(labels, name=tr_text("label ↓ · predicted →"))
    counts = pd.DataFrame(matrix["counts"], index=index, columns=labels)
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    styled = (shares if is_share else counts).style
    styled = styled.format("{:.2f}" if is_share else "{:,}")
    if counts.size <= _MOST_COLOURED:
        styled = styled.apply(lambda _: _shades(shares, look), axis=None)
    chosen = [(ids.index(cell[0]), labels[ids.index(cell[1])])] if cell else []
    event: Any = st.dataframe(
        styled,
        key=f"{key}.{is_share}",
        on_select="rerun",
        selection_mode="single-cell",
        selection_default={"selection": {"cells": chosen}},
        height="content" if len(labels) <= _MOST_ROWS else _ROW_PX * _MOST_ROWS,
        row_height=_ROW_PX,
    )
    for row, column in event["selection"]["cells"]:
        return ids[row], ids[labels.index(column)]
    return None


def _shades(shares: pd.DataFrame, look: Colours) -> pd.DataFrame:
    """Colour a cell by its share of the row: what is right in one colour, the rest in another."""
    good, bad = _rgb(look.good), _rgb(look.bad)
    last = len(shares) - 1
    cells = [
        [
            f"background-color: rgba({good if row == column < last else bad}, {0.55 * share:.2f})"
            + ("" if share else f"; color: {look.muted}")
            for column, share in enumerate(values)
        ]
        for row, values in enumerate(shares.to_numpy())
    ]
    return pd.DataFrame(cells, index=shares.index, columns=shares.columns)


def _rgb(colour: str) -> str:
    return ", ".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
