"""The trials of a tuning as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.i18n import marked, tr
from pipeline.actions.runs.tuning import Tuning
from pipeline.core.space.trials import Trial

_MARKS = {"running": "●", "done": "✓", "pruned": "▽", "stopped": "■", "interrupted": "■"}
STATES = {
    "running": marked("running"),
    "done": marked("done"),
    "pruned": marked("ended early"),
    "stopped": marked("stopped"),
    "failed": marked("failed"),
    "invalid": marked("invalid"),
    "interrupted": marked("interrupted"),
}
_STOPPING = marked("● stopping")


def trial_text(trial: Trial) -> str:
    """Give a trial's state as mark and word: ``✓ done``."""
    return f"{_MARKS.get(trial.state, '✕')} {tr(STATES[trial.state])}"


def trial_table(found: Tuning) -> pd.DataFrame:
    """Make the table of trials: one row each, ★ at the best."""
    best = found.best
    trials = found.trials
    values = {key: [trial.values.get(key) for trial in trials] for key in found.settings}
    return pd.DataFrame(
        {
            "trial": [f"{t.name}{' ★' if t == best else ''}" for t in trials],
            "state": [tr(_STOPPING) if t.name in found.stopping else trial_text(t) for t in trials],
            found.metric: [t.score(found.metric) for t in trials],
            **{key: _column(column) for key, column in values.items()},
            "best epoch": [t.best_epoch if t.score(found.metric) else None for t in trials],
            "epochs": [t.epochs for t in trials],
            "seconds": [t.seconds for t in trials],
            "why": [t.error for t in trials],
        }
    )


def trial_columns(found: Tuning) -> dict[str, Any]:
    """Say how the columns of the table are written."""
    numbers = {
        key: st.column_config.NumberColumn(format="%.4g")
        for key in found.settings
        if all(is_number(trial.values.get(key)) for trial in found.trials)
    }
    return {
        "trial": st.column_config.Column(tr("trial"), pinned=True),
        "state": st.column_config.Column(tr("state")),
        found.metric: st.column_config.NumberColumn(format="%.4f"),
        **numbers,
        "best epoch": st.column_config.NumberColumn(tr("best epoch")),
        "epochs": st.column_config.NumberColumn(tr("epochs")),
        "seconds": st.column_config.NumberColumn(tr("time, s"), format="%.0f"),
        "why": st.column_config.TextColumn(tr("why it ended")),
    }


def is_number(value: Any) -> bool:
    """Say whether a value can be drawn on an axis of numbers."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _column(values: Sequence[Any]) -> list[Any]:
    """Give values as one type: a table cannot hold numbers and words in one column."""
    if all(value is None or is_number(value) for value in values):
        return list(values)
    return ["" if value is None else str(value) for value in values]
