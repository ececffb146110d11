"""What each confidence gives, as curves: a click on a point of one gives its confidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.i18n import tr, tr_text
from dashboard.theme import Colours
from dashboard.widgets.charts import axis, draw, legend
from pipeline.core.mistakes.pairs import Array
from pipeline.core.mistakes.precision import CONFIDENCES, Precision

_EVERY = 5  # of the points of a curve, one of so many is drawn
_POINT_PX = 12
_CLEAR = "rgba(0,0,0,0)"
_Choose = Callable[[float], None]


def show_curves(
    measured: Precision,
    conf: float,
    number: int | None,
    look: Colours,
    choose: _Choose,
    *,
    least: float,
) -> None:
    """Show precision, recall and F1 against confidence, and precision against recall.

    Parameters
    ----------
    measured, number
        Curves by class, and the row of the class that is shown; None shows their mean.
    conf
        The confidence that is marked.
    choose
        Called with the confidence that is clicked.
    least
        Below this nothing is known, and nothing is drawn.
    """
    known = least <= CONFIDENCES
    own = [_curve(values, number) for values in (measured.precision, measured.recall, measured.f1)]
    _show_confidences(own, known, conf, look, choose)
    _show_precision_recall(own[0], own[1], known, conf, look, choose)


def _show_confidences(
    curves: Sequence[Array], known: Array, conf: float, look: Colours, choose: _Choose
) -> None:
    shown = known[::_EVERY]
    names = (tr_text("precision"), tr_text("recall"), "F1")
    figure = go.Figure(
        [
            go.Scatter(
                x=CONFIDENCES[::_EVERY][shown],
                y=values[::_EVERY][shown],
                name=name,
                line={"color": look.runs[at], "dash": ("solid", "dash", "dot")[at], "width": 2},
                hovertemplate="%{y:.3f}",
                **_clickable(),
            )
            for at, (name, values) in enumerate(zip(names, curves, strict=True))
        ]
    )
    figure.add_vline(x=conf, line={"color": look.muted, "width": 1, "dash": "dash"})
    figure.update_layout(
        height=300,
        hovermode="x unified",
        margin={"l": 40, "r": 10, "t": 30, "b": 40},
        legend=legend(look),
        xaxis=axis(look) | {"title": tr("confidence"), "range": [0, 1]},
        yaxis=axis(look) | {"range": [0, 1.02]},
        uirevision="confidences",
    )
    draw(figure, "mistakes.confidences", on_click=lambda point: choose(float(point["x"])))


def _show_precision_recall(
    precision: Array, recall: Array, known: Array, conf: float, look: Colours, choose: _Choose
) -> None:
    """Show both at the same confidence; where nothing is found any more, all points are one."""
    shown = np.flatnonzero((recall > 0) & known)[::_EVERY]
    if not len(shown):
        return
    at = int(np.abs(CONFIDENCES - conf).argmin())
    figure = go.Figure(
        [
            go.Scatter(
                x=recall[shown],
                y=precision[shown],
                customdata=CONFIDENCES[shown],
                line={"color": look.runs[0], "width": 2},
                hovertemplate="P %{y:.3f} · R %{x:.3f} · conf %{customdata:.3f}<extra></extra>",
                **_clickable(),
            ),
            go.Scatter(
                x=recall[[at]],
                y=precision[[at]],
                mode="markers",
                marker={"color": look.text, "size": _POINT_PX, "symbol": "circle-open"},
                unselected={"marker": {"opacity": 1}},
                hoverinfo="skip",
            ),
        ]
    )
    figure.update_layout(
        height=300,
        hovermode="closest",
        margin={"l": 40, "r": 10, "t": 10, "b": 40},
        showlegend=False,
        xaxis=axis(look) | {"title": tr_text("recall"), "range": [0, 1.02]},
        yaxis=axis(look) | {"title": tr_text("precision"), "range": [0, 1.02]},
        uirevision="precision-recall",
    )

    def clicked(point: Mapping[str, Any]) -> None:
        if point["curve_number"] == 0:
            choose(float(CONFIDENCES[shown[point["point_index"]]]))

    draw(figure, "mistakes.precision_recall", on_click=clicked)


def _curve(values: Array, number: int | None) -> Array:
    curve: Array = values.mean(0) if number is None else values[number]
    return curve


def _clickable() -> dict[str, Any]:
    """Give a line points that nobody sees: one without any cannot be clicked."""
    unseen = {"color": _CLEAR, "size": _POINT_PX}
    return {
        "mode": "lines+markers",
        "marker": unseen,
        "selected": {"marker": unseen},
        "unselected": {"marker": unseen},
    }
