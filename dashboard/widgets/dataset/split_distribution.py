"""The class distribution of a dataset with its splits side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.i18n import marked, tr
from dashboard.plain import Markdown
from dashboard.theme import Colours, colours
from dashboard.widgets.charts import draw, legend
from dashboard.widgets.choosing import one_of
from dashboard.widgets.dataset.distribution import Splits, bar, shortened
from pipeline.core.dataset.checks.counts import ClassCounts

# More classes than this are drawn upright, thin, and can be zoomed into.
_ROWS = 30
# With more, the rare ones would be a line on the floor.
_LONG_TAIL = 100
_MAX_HEIGHT = 460
_NAMED = 12
_MEASURES = {"instances": marked("instances"), "images": marked("images")}
_ORDERS = {"count": marked("by count"), "id": marked("by class id")}
_CHART, _TABLE = ":material/bar_chart:", ":material/table_rows:"


@dataclass(frozen=True)
class View:
    """What of a distribution is shown.

    Parameters
    ----------
    measure
        ``instances`` or ``images``.
    order
        ``count`` or ``id``.
    is_log, is_share
        Logarithmic counts; percent of each split instead of counts.
    filter
        Only classes whose name has this text.
    """

    measure: str = "instances"
    order: str = "count"
    is_log: bool = False
    is_share: bool = False
    filter: str = ""


@st.fragment
def show_split_distribution(splits: Splits, key: str) -> None:
    """Show how often each class occurs in each split, as a chart or a table.

    Parameters
    ----------
    key
        Identity of the dataset; the chart keeps its state as long as it stays the same.
    """
    count = max((len(split.classes) for split in splits.values()), default=0)
    view, is_table = _controls(key, count)
    table = split_table(splits, view)
    if is_table:
        st.dataframe(table.reset_index(names="class"), hide_index=True, height=_MAX_HEIGHT)
    elif table.empty:
        st.caption(tr("No class has this text in its name."))
    else:
        figure = split_figure(table, view, colours())
        height = figure["layout"]["height"]
        with st.container(height=_MAX_HEIGHT if height > _MAX_HEIGHT else "content", border=False):
            draw(figure, f"{key}.chart", is_zoomable=len(table) > _ROWS)
    for split, absent in absent_classes(splits).items():
        named = ", ".join(absent[:_NAMED])
        more = (
            tr(" and {count:,} more", count=len(absent) - _NAMED) if absent[_NAMED:] else Markdown()
        )
        st.markdown(
            tr(
                ":orange[:material/warning: not in {split}:] {named}{more}",
                split=split,
                named=named,
                more=more,
            )
        )


def split_table(splits: Splits, view: View) -> pd.DataFrame:
    """Give a row for each class and a column for each split: counts, or percent of the split."""
    names = list(dict.fromkeys(name for split in splits.values() for name in split.classes))
    measured = attrgetter(view.measure)
    table = pd.DataFrame(
        {
            split: [measured(found.classes.get(name, ClassCounts())) for name in names]
            for split, found in splits.items()
        },
        index=names,
    )
    order = table.sum(axis=1).sort_values(ascending=False, kind="stable").index
    if view.is_share:
        # Shares of images are of all images of the split: an image may show several classes.
        of = {split: measured(found) for split, found in splits.items()}
        table = table.astype(float).apply(lambda column: 100 * column / max(of[column.name], 1))
    if view.order == "count":
        table = table.loc[order]
    wanted = view.filter.casefold()
    return table[[wanted in str(name).casefold() for name in table.index]]


def absent_classes(splits: Splits) -> dict[str, list[str]]:
    """Give the classes that a split with instances lacks, by split."""
    found = {
        split: [name for name, count in counts.classes.items() if not count.instances]
        for split, counts in splits.items()
        if counts.instances
    }
    return {split: absent for split, absent in found.items() if absent}


def split_figure(table: pd.DataFrame, view: View, look: Colours) -> dict[str, Any]:
    """Make the chart as a plotly document: rows for few classes, thin columns for many."""
    palette = (look.accent, look.runs[1], look.runs[2])
    names = _short_names([str(name) for name in table.index])
    is_rows = len(names) <= _ROWS
    draw = _rows if is_rows else _columns
    data = [
        draw(names, table[split].tolist(), str(split), colour, view, look)
        for split, colour in zip(table.columns, palette, strict=False)
    ]
    values: dict[str, Any] = {
        "type": "log" if view.is_log else "linear",
        "rangemode": "tozero",
        "tickformat": ",~s" if view.is_log else ",",
    }
    values |= {"fixedrange": True, "gridcolor": look.border, "tickfont": {"color": look.muted}}
    classes = {"type": "category", "tickfont": {"color": look.muted, "size": 12}}
    if is_rows:
        x = values | {"visible": view.is_log, "side": "top"}
        y = classes | {"autorange": "reversed", "fixedrange": True, "automargin": True}
        height = 50 + (14 + 15 * len(table.columns)) * len(names)
    else:
        x, y, height = classes | {"automargin": True}, values | {"automargin": True}, 380
    layout = {
        "height": height,
        "margin": {"l": 0, "r": 60 if is_rows else 4, "t": 30, "b": 0},
        "barmode": "group",
        "bargap": 0.28 if is_rows else 0.12,
        "dragmode": "zoom",
        "uirevision": f"{view.order}{len(names)}",
        "legend": legend(look),
        "xaxis": x | {"ticksuffix": ""},
        "yaxis": y | ({"ticksuffix": "  "} if is_rows else {}),
    }
    return {"data": data, "layout": layout}


def _controls(key: str, count: int) -> tuple[View, bool]:
    with st.container(horizontal=True, vertical_alignment="center"):
        measure = _choice(tr("Count"), _MEASURES, f"{key}.measure")
        order = _choice(tr("Order"), _ORDERS, f"{key}.order")
        is_share = st.toggle(
            tr("share"),
            key=f"{key}.share",
            help=tr("Percent of the split's instances or images, so that splits compare."),
        )
        is_log = st.toggle(tr("log scale"), value=count > _LONG_TAIL, key=f"{key}.log")
        shown = _choice(tr("View"), {_CHART: _CHART, _TABLE: _TABLE}, f"{key}.view")
        text = (
            st.text_input(
                tr("Filter classes"),
                placeholder=tr("class name"),
                key=f"{key}.filter",
                label_visibility="collapsed",
                width=150,
            )
            if count > _ROWS
            else ""
        )
    return View(measure, order, is_log, is_share, text or ""), shown == _TABLE


def _choice(label: Markdown, options: Mapping[str, str], key: str) -> str:
    return one_of(label, {name: tr(text) for name, text in options.items()}, key, has_label=False)


def _short_names(names: Sequence[str]) -> list[str]:
    short = [shortened(name) for name in names]
    return short if len(set(short)) == len(names) else list(names)


def _rows(
    names: Sequence[str],
    values: Sequence[float],
    split: str,
    colour: str,
    view: View,
    look: Colours,
) -> dict[str, Any]:
    texts = [_text(value, view) if value else tr("none") for value in values]
    unit = _unit(view)
    return bar(names, values, split, colour, look) | {
        "text": texts,
        "hovertemplate": "%{y}: %{text}" + f" {unit}<extra>%{{fullData.name}}</extra>",
        "textfont": {
            "color": [look.muted if value else look.warn for value in values],
            "size": 12,
        },
    }


def _columns(
    names: Sequence[str],
    values: Sequence[float],
    split: str,
    colour: str,
    view: View,
    look: Colours,
) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": split,
        "x": list(names),
        "y": list(values),
        "customdata": [_text(value, view) for value in values],
        "marker": {"color": colour},
        "hovertemplate": "%{x}: %{customdata}" + f" {_unit(view)}<extra>%{{fullData.name}}</extra>",
    }


def _text(value: float, view: View) -> str:
    return f"{value:.3g} %" if view.is_share else f"{value:,}"


def _unit(view: View) -> str:
    if not view.is_share:
        return tr(_MEASURES[view.measure])
    return tr("of the instances") if view.measure == "instances" else tr("of the images")
