"""A sweep as a table: a row for each model and cfg, a column for each seed."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.i18n import tr
from dashboard.widgets.formats import share
from dashboard.widgets.rows import rows_key
from dashboard.widgets.states import state_text
from pipeline.actions.runs.sweep_runs import Row, SweepRun, SweepRuns
from pipeline.core.launch.sweep import Combination
from pipeline.core.states import State

_MOST_ROWS, _MOST_PX = 15, 560


def sweep_table(found: SweepRuns, *, key: str) -> str:
    """Show the table, and give the launch whose cell was clicked, else an empty text."""
    rows, seeds = found.rows, _seeds(found)
    event = st.dataframe(
        sweep_frame(found),
        hide_index=True,
        height="content" if len(rows) <= _MOST_ROWS else _MOST_PX,
        column_config=_config(seeds),
        on_select="rerun",
        selection_mode="single-cell",
        placeholder="",
        key=rows_key(key, [seeds, [(row.model, row.cfg) for row in rows]]),
    )
    selection: Any = event["selection"]
    if not selection["cells"]:
        return ""
    place, column = selection["cells"][0]
    by_title = {_title(seed): seed for seed in seeds}
    if column not in by_title:
        return ""
    entry = Combination(rows[place].model, rows[place].cfg, by_title[column])
    run = found.runs.get(entry)
    return run.launch if run and run.row else ""


def sweep_frame(found: SweepRuns) -> pd.DataFrame:
    """Give what the table shows; the best run and the best mean have a star.

    A model or a cfg that all rows have in common is left out, as long as the other tells them
    apart.
    """
    rows, seeds = found.rows, _seeds(found)
    best_run = _most(run.best for run in found.runs.values())
    best_mean = _most(row.mean for row in rows) if len(rows) > 1 else None
    columns: dict[str, list[str]] = {
        "model": [row.model for row in rows],
        "cfg": [row.cfg for row in rows],
    }
    for name in ("cfg", "model"):
        if len(set(columns[name])) == 1 and len(columns) > 1:
            del columns[name]
    if len(seeds) > 1:
        columns["mean"] = [_mean(row, best_mean) for row in rows]
    for seed in seeds:
        own = (found.runs.get(Combination(row.model, row.cfg, seed)) for row in rows)
        columns[_title(seed)] = [_cell(run, best_run) for run in own]
    return pd.DataFrame(columns)


def _config(seeds: list[Any]) -> dict[str, Any]:
    config = st.column_config
    named = {
        _title(seed): config.TextColumn(
            tr("run") if seed is None else tr("seed {seed}", seed=seed), width=115
        )
        for seed in seeds
    }
    return {
        "model": config.TextColumn(tr("model"), width=160, pinned=True),
        "cfg": config.TextColumn("cfg", width=110),
        "mean": config.TextColumn(
            tr("mean ± std"),
            width=165,
            help=tr("Of the best mAP50-95 of the runs that are done, and how many those are"),
        ),
        **named,
    }


def _cell(run: SweepRun | None, best: float | None) -> str:
    if run is None:
        return ""
    if run.state is None:
        return tr("not started")
    value = run.best
    star = "★ " if value is not None and value == best else ""
    text = state_text(run.state)
    if value is None:
        return text
    mark, _, word = text.partition(" ")
    # A run that is over is told by its mark; of others the word says that the value may change.
    shown = mark if run.state is State.SUCCEEDED else f"{mark} {word}"
    return f"{star}{share(value)} {shown}"


def _mean(row: Row, best: float | None) -> str:
    if row.mean is None:
        return ""
    star = "★ " if row.mean == best else ""
    spread = "" if row.std is None else f" ± {row.std:.3f}"
    count = "" if row.done == row.runs else f" ({row.done}/{row.runs})"
    return f"{star}{share(row.mean)}{spread}{count}"


def _most(values: Any) -> float | None:
    return max((value for value in values if value), default=None)  # of zeros none is the best


def _seeds(found: SweepRuns) -> list[Any]:
    return list(dict.fromkeys(entry.seed for entry in found.runs))


def _title(seed: Any) -> str:
    return f"seed {seed}"
