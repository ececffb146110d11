"""The class distribution of a dataset: a chart, and the same numbers as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.i18n import tr
from dashboard.plain import Markdown, plain
from dashboard.theme import Colours, colours
from dashboard.widgets.charts import draw, legend
from dashboard.widgets.choosing import one_of
from pipeline.core.dataset.checks.counts import ClassCounts, SplitCounts

Splits = Mapping[str, SplitCounts]
_TABLE = ":material/table_rows:"
_MAX_HEIGHT = 300


@st.fragment
def show_distribution(splits: Splits, *, title: Markdown, key: str) -> None:
    """Show images and instances a class, of all splits or of one.

    Parameters
    ----------
    title
        Markdown that stands beside the choice of a split.
    key
        Identity of the dataset; the chart keeps its state as long as it stays the same.
    """
    head, control = st.columns([1.6, 1], vertical_alignment="top")
    head.markdown(title)
    with control.container(horizontal=True, horizontal_alignment="right"):
        views = {"all": tr("all"), **{name: plain(name) for name in splits}}
        views[_TABLE] = Markdown(_TABLE)
        view = one_of(tr("Split"), views, f"{key}.split", has_label=False)
    if view == _TABLE:
        _show_table(splits)
        return
    counts = class_counts(splits, list(splits) if view == "all" else [view])
    figure = distribution_figure(counts, colours())
    height = figure["layout"]["height"]
    with st.container(height=_MAX_HEIGHT if height > _MAX_HEIGHT else "content", border=False):
        draw(figure, f"{key}.chart")


def class_counts(splits: Splits, chosen: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Add up (instances, images) of each class over splits, most instances first."""
    totals: dict[str, tuple[int, int]] = {}
    for name in chosen:
        for label, count in splits[name].classes.items():
            instances, images = totals.get(label, (0, 0))
            totals[label] = (instances + count.instances, images + count.images)
    return dict(sorted(totals.items(), key=lambda item: -item[1][0]))


def distribution_figure(counts: Mapping[str, tuple[int, int]], look: Colours) -> dict[str, Any]:
    """Make the bar chart as a plotly document; importing plotly is Streamlit's, when it draws."""
    names = [shortened(name) for name in counts]
    row_px = 56 if len(names) <= 5 else 34
    instances, images = zip(*counts.values(), strict=True) if counts else ((), ())
    bars = [
        bar(names, instances, tr("instances"), look.accent, look),
        bar(names, images, tr("images"), look.accent_soft, look),
    ]
    axis = {"autorange": "reversed", "fixedrange": True, "automargin": True, "type": "category"}
    layout = {
        "height": 40 + row_px * max(len(names), 1),
        "margin": {"l": 0, "r": 44, "t": 26, "b": 0},
        "barmode": "group",
        "bargap": 0.28,
        "uirevision": "distribution",
        "legend": legend(look),
        "xaxis": {"visible": False, "fixedrange": True, "rangemode": "tozero"},
        "yaxis": axis | {"tickfont": {"color": look.muted, "size": 12}, "ticksuffix": "  "},
    }
    return {"data": bars, "layout": layout}


def bar(
    names: Sequence[str], values: Sequence[float], name: str, colour: str, look: Colours
) -> dict[str, Any]:
    """Make horizontal bars, one a class, each with its number behind it."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "x": list(values),
        "y": list(names),
        "text": [f"{value:,}" for value in values],
        "textposition": "outside",
        "cliponaxis": False,
        "textfont": {"color": look.muted, "size": 12},
        "marker": {"color": colour},
        "hovertemplate": "%{y}: %{x:,} %{fullData.name}<extra></extra>",
    }


def shortened(name: str) -> str:
    """Cut a class name to what fits beside a bar."""
    return name if len(name) <= 24 else name[:23] + "…"


def _show_table(splits: Splits) -> None:
    names = list(class_counts(splits, list(splits)))
    rows: dict[str, list[Any]] = {"class": names}
    for split, counts in splits.items():
        of_split = [counts.classes.get(name, ClassCounts()) for name in names]
        rows[f"{split} instances"] = [count.instances for count in of_split]
        rows[f"{split} images"] = [count.images for count in of_split]
    st.dataframe(rows, hide_index=True, height=min(_MAX_HEIGHT, 38 + 35 * len(names)))
