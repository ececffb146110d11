"""Runs as a list of two lines each, for a window that is too narrow for the table."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard import state
from dashboard.i18n import tr
from dashboard.plain import Markdown, joined, plain
from dashboard.widgets.formats import ago, duration, elapsed_s, share
from dashboard.widgets.runs.table import row_name
from dashboard.widgets.states import progress, state_mark
from pipeline.actions.runs.model import RunRow
from pipeline.core.states import State


def show_compact(rows: Sequence[RunRow]) -> None:
    """Show each run as a link to it: its state and name, and below how well and when."""
    for row in rows:
        label = Markdown(
            f"{state_mark(row.facts.state)} **{plain(row_name(row))}**  \n:small[{_second(row)}]"
        )
        state.link_runs(row.members, label)


def _second(row: RunRow) -> Markdown:
    run = row.facts
    word = tr(run.state.label)
    if run.state is State.RUNNING and run.steps:
        word = Markdown(f"{word} {progress(run.steps)} %")
    parts = [word]
    if row.best is not None:
        parts.append(Markdown(f"mAP50-95 **{share(row.best)}**"))
    if row.test is not None:
        parts.append(tr("test **{value}**", value=share(row.test)))
    took = elapsed_s(run.started_at, run.finished_at)
    if took is not None:
        parts.append(duration(took))
    began = run.started_at or run.created_at
    if began:
        parts.append(ago(began))
    return joined(" · ", parts)
