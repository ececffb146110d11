"""Runs of all engines as rows of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.actions.ending import Written, write_ending
from pipeline.actions.installation import Installation
from pipeline.actions.last_seen import Outage
from pipeline.actions.runs.details import facts_of, tested_of
from pipeline.actions.runs.find import folder_of, newest, record_of
from pipeline.actions.runs.model import RunFacts, RunRow
from pipeline.core.errors import EngineUnreachable
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.reader import Tracking
from pipeline.tracking.schema import LIST_METRIC
from pipeline.tracking.summary import summary


@dataclass(frozen=True)
class Listing:
    """What the list of runs shows.

    Parameters
    ----------
    rows
        Runs of all engines, newest first, each with its best value of the list's metric.
    outages
        Engines that do not answer; their rows are as last seen.
    """

    rows: list[RunRow]
    outages: tuple[Outage, ...]


def listing(here: Installation, *, state: str = "", limit: int = 50) -> Listing:
    """Give runs of all engines, newest first, and say which engine does not answer.

    When MLflow does not answer, values come from the run folders and `RunRow.metrics_source`
    says so.
    """
    found = newest(here, state=state, limit=limit)
    folders = [folder_of(here, run) for run in found.runs]
    for run, folder in zip(found.runs, folders, strict=True):
        write_ending(here.memory(Written), run, folder)
    rows = [
        row_of(here.tracking, facts_of(run, folder, record_of(folder)), folder)
        for run, folder in zip(found.runs, folders, strict=True)
    ]
    return Listing(rows, found.outages)


def require_an_answer(here: Installation, outages: Sequence[Outage]) -> None:
    """Refuse to call a list that no engine has confirmed a list of runs."""
    if outages and len(outages) == len(here.settings.engines):
        raise EngineUnreachable(outages[0].message, next=outages[0].next)


def row_of(tracking: Tracking, facts: RunFacts, folder: RunFolder) -> RunRow:
    """Give what a list shows of a run with a folder: its facts, and how well it does."""
    history, source = tracking.history_or_file(folder, (LIST_METRIC,))
    return RunRow(
        facts,
        metrics={name: value["best"] for name, value in summary(history).items()},
        curve=tuple(value for _, value in history.get(LIST_METRIC, [])),
        test=tested_of(folder).metrics.get(LIST_METRIC),
        metrics_source=source,
    )
