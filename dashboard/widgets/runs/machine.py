"""How busy the machine was during a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.i18n import marked, tr
from dashboard.plain import plain
from dashboard.theme import Colours
from dashboard.widgets.charts import draw
from dashboard.widgets.runs.curves import curve_chart

Samples = Mapping[str, Sequence[tuple[float, float]]]

_NAMES = {"cpu_percent": "CPU", "ram_mb": marked("machine"), "step_ram_mb": marked("training")}
_SHORT_S = 180


def charts(samples: Samples) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Sort columns of ``machine.csv`` into charts: use in percent, memory in GB."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for column, points in samples.items():
        is_use = column.endswith("percent")
        kind = "GPU" if column.startswith("gpu") else "CPU" if is_use else "RAM"
        title = (
            f"{kind}, %"
            if is_use
            else tr("{kind} memory, GB", kind=kind)
            if kind == "GPU"
            else tr("RAM, GB")
        )
        gpu = column.partition("_")[0].replace("gpu", "GPU ")
        name = tr(_NAMES[column]) if column in _NAMES else gpu
        scale = 1.0 if is_use else 1000.0
        found.setdefault(title, {})[name] = [(at_s, value / scale) for at_s, value in points]
    return found


def show_machine(samples: Samples, colours: Colours) -> None:
    """Show the charts in two columns; nothing without samples."""
    if not samples:
        return
    last_s = max(points[-1][0] for points in samples.values())
    unit, per_unit = (tr("seconds"), 1.0) if last_s < _SHORT_S else (tr("minutes"), 60.0)
    columns = st.columns(2, gap="medium")
    for index, (title, series) in enumerate(charts(samples).items()):
        scaled = {
            name: [(at_s / per_unit, value) for at_s, value in points]
            for name, points in series.items()
        }
        figure = curve_chart(scaled, colours)
        figure.update_xaxes(title_text=unit, tickmode="auto", dtick=None)
        if title.endswith("%"):  # how busy it was is told by the height above nothing
            figure.update_yaxes(rangemode="tozero")
        column = columns[index % 2]
        column.markdown(f"**{plain(title)}**")
        with column:
            draw(figure, f"machine-{title}")
