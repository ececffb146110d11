"""Runs as a table: which columns there are, and how each reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.i18n import marked, tr, tr_said_text
from dashboard.widgets.formats import ago, duration, elapsed_s
from dashboard.widgets.states import progress, state_text
from pipeline.actions.runs.model import RunFacts, RunRow, Seeds
from pipeline.core.spreadsheet import csv_text

SEEDS = "seeds"
FROM = "from"
CHANGED = marked("✎ changed")
_CONFIG = st.column_config


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Parameters
    ----------
    name
        Its name in the catalogs and in the URL.
    value
        What its cell shows of a row.
    width
        In pixels.
    help
        What its title explains.
    kind, options
        How values are drawn.
    is_default
        Whether it is there until somebody chooses columns.
    raw
        What the CSV file has instead: ids, times and numbers as they are.
    csv_name
        What it is called there; None when it is left out.
    """

    name: str
    value: Callable[[RunRow], Any]
    width: int
    help: str = ""
    kind: Callable[..., Any] = _CONFIG.TextColumn
    options: Mapping[str, Any] = field(default_factory=dict)
    is_default: bool = True
    raw: Callable[[RunRow], Any] | None = None
    csv_name: str | None = ""


def run_table(rows: Sequence[RunRow], columns: Sequence[str]) -> pd.DataFrame:
    """Give state, launch and the chosen columns of some runs."""
    chosen = [column for column in _ALL if column.name in (*_ALWAYS, *columns)]
    return pd.DataFrame({column.name: [column.value(row) for row in rows] for column in chosen})


def run_csv(rows: Sequence[RunRow]) -> str:
    """Give all columns of some runs as CSV: ids, times and numbers as they are, not as shown."""
    table = {
        column.csv_name or column.name: [(column.raw or column.value)(row) for row in rows]
        for column in _ALL
        if column.csv_name is not None
    }
    table["data changed"] = [row.is_data_changed for row in rows]
    return csv_text(list(table), zip(*table.values(), strict=True))


def row_name(row: RunRow) -> str:
    """Give what people call a row: its run, and how many more it stands for."""
    more = len(row.members) - 1
    return f"{row.facts.launch} + {more}" if more else row.facts.launch


def column_config() -> dict[str, Any]:
    """Say how wide each column is and how its values are drawn."""
    return {
        column.name: column.kind(
            tr(column.name),
            width=column.width,
            help=tr(column.help, changed=tr(CHANGED)) if column.help else None,
            **column.options,
        )
        for column in _ALL
    }


def _seeds(found: Seeds | None) -> str:
    if not found:
        return ""
    spread = "" if found.mean is None else f" · {found.mean:.3f} ± {found.std:.3f}"
    return f"{len(found.runs)}{spread}"


def _data(row: RunRow) -> str:
    return f"{row.facts.data} {tr(CHANGED)}" if row.is_data_changed else row.facts.data


def _seconds(run: RunFacts) -> float | None:
    return elapsed_s(run.started_at, run.finished_at)


_SHARE: dict[str, Any] = {"kind": _CONFIG.NumberColumn, "options": {"format": "%.3f"}}
_ALL = (
    Column(
        marked("state"),
        lambda row: state_text(row.facts.state),
        85,
        options={"pinned": True},
        raw=lambda row: row.facts.state,
    ),
    Column(marked("launch"), row_name, 280, marked("Click a cell to open the run")),
    Column(
        marked("from"),
        lambda row: row.source,
        80,
        marked("Where a run that Slipway did not launch is from"),
        is_default=False,
    ),
    Column(marked("engine"), lambda row: row.facts.engine, 75, is_default=False),
    Column(
        marked("steps"),
        lambda row: progress(row.facts.steps) if row.facts.steps else None,
        95,
        kind=_CONFIG.ProgressColumn,
        options={"min_value": 0, "max_value": 100, "format": "%d%%"},
        csv_name=None,
    ),
    Column("mAP50-95", lambda row: row.best, 80, marked("Best on val so far"), **_SHARE),
    Column(
        marked("seeds"),
        lambda row: _seeds(row.seeds),
        150,
        marked("Runs, and mean ± standard deviation of their best mAP50-95"),
        is_default=False,
        csv_name=None,
    ),
    Column(
        marked("so far"),
        lambda row: list(row.curve) or None,
        90,
        marked("mAP50-95 by epoch"),
        kind=_CONFIG.LineChartColumn,
        options={"y_min": 0},
        csv_name=None,
    ),
    Column(marked("test mAP"), lambda row: row.test, 80, marked("mAP50-95 of best.pt"), **_SHARE),
    Column(
        marked("time"),
        lambda row: duration(_seconds(row.facts)),
        65,
        raw=lambda row: _seconds(row.facts),
        csv_name="time_s",
    ),
    Column(
        marked("started"),
        lambda row: ago(row.facts.started_at),
        95,
        raw=lambda row: row.facts.started_at,
        csv_name="started_at",
    ),
    Column(marked("by"), lambda row: row.facts.user, 70),
    Column(
        marked("data"),
        _data,
        165,
        marked("{changed}: the data yaml is not what it was at launch"),
        raw=lambda row: row.facts.data,
    ),
    Column(marked("model"), lambda row: row.facts.model, 150),
    Column("cfg", lambda row: row.facts.cfg, 110, is_default=False),
    Column(
        marked("tags"),
        lambda row: list(row.note.tags),
        110,
        kind=_CONFIG.ListColumn,
        raw=lambda row: " ".join(row.note.tags),
    ),
    Column(marked("note"), lambda row: row.note.text, 180),
    Column(
        marked("why"),
        lambda row: tr_said_text(row.facts.message),
        260,
        raw=lambda row: row.facts.message,
    ),
)
_ALWAYS = ("state", "launch")
# What people choose; the others are there by themselves.
COLUMNS = tuple(column.name for column in _ALL if column.name not in (*_ALWAYS, FROM, SEEDS))
DEFAULT = tuple(column.name for column in _ALL if column.is_default and column.name in COLUMNS)
