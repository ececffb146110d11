"""Charts on a page. Plotly reads its texts as HTML, links and pictures too: here none is."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from dashboard.theme import Colours

# Our own texts have tags, for those that they name plotly takes what is escaped here.
_OURS = frozenset(("hovertemplate", "texttemplate"))
_CLEAR = "rgba(0,0,0,0)"


def draw(
    figure: Any,
    key: str,
    *,
    is_zoomable: bool = False,
    on_click: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """Show a plotly figure or document, with every text in it as it is.

    Parameters
    ----------
    figure
        Names, places and titles may be anybody's texts; its templates are ours and name none.
    key
        Identity of the chart, which keeps its state as long as it stays the same.
    is_zoomable
        Whether the mouse wheel zooms.
    on_click
        Called with the point that is clicked: ``x``, ``y`` and ``curve_number``, among others.
    """
    document = figure if isinstance(figure, Mapping) else figure.to_dict()
    clear = {"paper_bgcolor": _CLEAR, "plot_bgcolor": _CLEAR}  # the page shows through
    document = {**document, "layout": clear | document["layout"]}
    config = {"displayModeBar": False, "scrollZoom": is_zoomable}
    shown: dict[str, Any] = {"theme": None, "key": key, "config": config}
    if on_click:
        shown |= {"selection_mode": "points", "on_select": lambda: _clicked(key, on_click)}
    st.plotly_chart(as_text(document), **shown)


def _clicked(key: str, on_click: Callable[[Mapping[str, Any]], None]) -> None:
    for point in st.session_state[key]["selection"]["points"][:1]:
        on_click(point)


def axis(look: Colours) -> dict[str, Any]:
    """Give what the axes of all charts over numbers have in common."""
    return {"gridcolor": look.border, "zeroline": False, "color": look.muted}


def legend(look: Colours) -> dict[str, Any]:
    """Make the legend above a chart's left end."""
    place = {"orientation": "h", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"}
    return place | {"font": {"color": look.text, "size": 12}}


def as_text(part: Any) -> Any:
    """Give a plotly document in which no text is HTML but that of its templates."""
    if isinstance(part, str):
        return html.escape(part, quote=False)
    if isinstance(part, Mapping):
        return {name: value if name in _OURS else as_text(value) for name, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [as_text(value) for value in part]
    return as_text(part.tolist()) if hasattr(part, "tolist") else part  # numpy's
