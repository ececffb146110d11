"""Runs as a table: which columns there are, and how each reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.i18n import marked, tr
from dashboard.widgets.formats import ago, duration, elapsed_s
from dashboard.widgets.states import progress, state_text

ALWAYS = ("state", "launch")
SEEDS = "seeds"
FROM = "from"
COLUMNS = (
    FROM,
    "engine",
    "steps",
    "mAP50-95",
    SEEDS,
    "so far",
    "test mAP",
    "time",
    "started",
    "by",
    "data",
    "model",
    "cfg",
    "tags",
    "note",
    "why",
)
DEFAULT = (
    "steps",
    "mAP50-95",
    "so far",
    "test mAP",
    "time",
    "started",
    "by",
    "data",
    "model",
    "tags",
    "note",
    "why",
)
CHANGED = marked("✎ changed")
# Their names in the catalogs; those of metrics stay as they are.
_NAMES = (
    *(marked("state"), marked("launch"), marked("engine"), marked("steps"), marked("seeds")),
    *(marked("so far"), marked("test mAP"), marked("time"), marked("started"), marked("by")),
    *(marked("data"), marked("model"), marked("tags"), marked("note"), marked("why")),
    marked("from"),
)


def run_table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Give state, launch and the chosen columns of some runs."""
    table = pd.DataFrame(
        {
            "state": [state_text(row["state"]) for row in rows],
            "launch": [shown_name(row) for row in rows],
            FROM: [row["from"] for row in rows],
            "engine": [row["engine"] for row in rows],
            "steps": [progress(row["steps"]) if row["steps"] else None for row in rows],
            "mAP50-95": [row["metrics"].get("mAP50-95") for row in rows],
            SEEDS: [_seeds(row["seeds"]) for row in rows],
            "so far": [row["curve"] or None for row in rows],
            "test mAP": [row["test"]["mAP50-95"] for row in rows],
            "time": [duration(elapsed_s(row["started_at"], row["finished_at"])) for row in rows],
            "started": [ago(row["started_at"]) for row in rows],
            "by": [row["user"] for row in rows],
            "data": [_data(row) for row in rows],
            "model": [row["model"] for row in rows],
            "cfg": [row["cfg"] for row in rows],
            "tags": [list(row["tags"]) for row in rows],
            "note": [row["note"] for row in rows],
            "why": [row["message"] for row in rows],
        }
    )
    return table[[*ALWAYS, *(name for name in COLUMNS if name in columns)]]


def shown_name(row: dict[str, Any]) -> str:
    """Give what people call a row: its run, and how many more it stands for."""
    more = len(row["members"]) - 1
    name = row["launch"] or row["run"]
    return f"{name} + {more}" if more else str(name)


def run_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Give all columns of some runs as CSV: ids, times and numbers as they are, not as shown."""
    table = run_table(rows, [name for name in COLUMNS if name not in ("steps", "so far", SEEDS)])
    table["state"] = [row["state"] for row in rows]
    table["data"] = [row["data"] for row in rows]
    table["data changed"] = [row["is_data_changed"] for row in rows]
    table["tags"] = [" ".join(row["tags"]) for row in rows]
    table["started"] = [row["started_at"] for row in rows]
    table["time"] = [elapsed_s(row["started_at"], row["finished_at"]) for row in rows]
    text: str = table.rename(columns={"time": "time_s", "started": "started_at"}).to_csv(
        index=False
    )
    return text


def column_config() -> dict[str, Any]:
    """Say how wide each column is and how its values are drawn."""
    config, label = st.column_config, tr
    return {
        "state": config.TextColumn(label("state"), width=85, pinned=True),
        "launch": config.TextColumn(
            label("launch"), width=280, help=tr("Click a cell to open the run")
        ),
        "engine": config.TextColumn(label("engine"), width=75),
        "steps": config.ProgressColumn(
            label("steps"), width=95, min_value=0, max_value=100, format="%d%%"
        ),
        "mAP50-95": config.NumberColumn(
            label("mAP50-95"), width=80, format="%.3f", help=tr("Best on val so far")
        ),
        SEEDS: config.TextColumn(
            label(SEEDS),
            width=150,
            help=tr("Runs, and mean ± standard deviation of their best mAP50-95"),
        ),
        "so far": config.LineChartColumn(
            label("so far"), width=90, y_min=0, help=tr("mAP50-95 by epoch")
        ),
        "test mAP": config.NumberColumn(
            label("test mAP"), width=80, format="%.3f", help=tr("mAP50-95 of best.pt")
        ),
        "model": config.TextColumn(label("model"), width=150),
        "cfg": config.TextColumn(label("cfg"), width=110),
        "data": config.TextColumn(
            label("data"),
            width=165,
            help=tr("{changed}: the data yaml is not what it was at launch", changed=tr(CHANGED)),
        ),
        "by": config.TextColumn(label("by"), width=70),
        "started": config.TextColumn(label("started"), width=95),
        "time": config.TextColumn(label("time"), width=65),
        "tags": config.ListColumn(label("tags"), width=110),
        "note": config.TextColumn(label("note"), width=180),
        "why": config.TextColumn(label("why"), width=260),
        FROM: config.TextColumn(
            label(FROM), width=80, help=tr("Where a run that Slipway did not launch is from")
        ),
    }


def _seeds(found: tuple[int, float | None, float | None] | None) -> str:
    if not found:
        return ""
    count, mean, spread = found
    return f"{count}" if mean is None else f"{count} · {mean:.3f} ± {spread:.3f}"


def _data(row: dict[str, Any]) -> str:
    return f"{row['data']} {tr(CHANGED)}" if row["is_data_changed"] else str(row["data"])
