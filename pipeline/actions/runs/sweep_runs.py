"""A sweep's runs: how each is doing, what rows come to, stopping and retrying them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.actions.last_seen import Outage
from pipeline.actions.runs import change
from pipeline.actions.runs.details import facts_of
from pipeline.actions.runs.find import Found, find, folder_of, is_only_recorded, newest, record_of
from pipeline.actions.runs.model import RunRow
from pipeline.actions.runs.rows import row_of
from pipeline.actions.runs.seeds import mean_and_std
from pipeline.core.errors import RunNotFound, SlipwayError
from pipeline.core.launch.sweep import Combination, Sweep, load_sweep, locked
from pipeline.core.states import State
from pipeline.core.volume.run_folder import run_folder
from pipeline.engines.base import Run


@dataclass(frozen=True)
class SweepRun:
    """What became of one launch of a sweep.

    Parameters
    ----------
    launch
        Its id.
    row
        The run, as a list shows it; None when the launch is no run (yet).
    """

    launch: str
    row: RunRow | None = None

    @property
    def state(self) -> State | None:
        """Where the run is; None when there is none."""
        return self.row.facts.state if self.row else None

    @property
    def best(self) -> float | None:
        """The best mAP50-95 on val so far."""
        return self.row.best if self.row else None

    @property
    def is_live(self) -> bool:
        """Whether it was started and is not over."""
        return self.state is not None and not self.state.is_finished


@dataclass(frozen=True)
class Row:
    """The runs of one model and cfg, over all seeds.

    Parameters
    ----------
    model, cfg
        Names as typed.
    runs
        How many there are.
    done
        How many of them succeeded and have a value: mean and spread are of these.
    mean, std
        Of the best mAP50-95 on val; None without a value, and the spread needs two.
    """

    model: str
    cfg: str
    runs: int
    done: int
    mean: float | None
    std: float | None


@dataclass(frozen=True)
class SweepRuns:
    """A sweep and how it is doing.

    Parameters
    ----------
    sweep
        Its record.
    runs
        What became of each combination.
    outages
        Engines that do not answer; what is known of their runs is as last seen.
    """

    sweep: Sweep
    runs: Mapping[Combination, SweepRun]
    outages: tuple[Outage, ...]

    def in_state(self, *states: State | None) -> list[SweepRun]:
        """Give the runs that are in one of these states."""
        return [run for run in self.runs.values() if run.state in states]

    @property
    def live(self) -> list[SweepRun]:
        """The runs that are not over."""
        return [run for run in self.runs.values() if run.is_live]

    @property
    def rows(self) -> list[Row]:
        """What each model and cfg comes to, in the order of the sweep."""
        pairs = dict.fromkeys((entry.model, entry.cfg) for entry in self.runs)
        return [self._row(model, cfg) for model, cfg in pairs]

    def _row(self, model: str, cfg: str) -> Row:
        own = [run for entry, run in self.runs.items() if (entry.model, entry.cfg) == (model, cfg)]
        succeeded = [run.best for run in own if run.state is State.SUCCEEDED]
        known = [value for value in succeeded if value is not None]
        mean, std = mean_and_std(known) if known else (None, None)
        return Row(model, cfg, len(own), len(known), mean, std if len(known) > 1 else None)


def show_sweep(here: Installation, name: str) -> SweepRuns:
    """Give a sweep with the state and the best value of each of its runs.

    Raises
    ------
    NotFound
        There is no sweep of this name.
    """
    sweep = load_sweep(here.volume, name)
    found = newest(here, limit=None)
    own = set(sweep.launches.values())
    listed = {folder_of(here, run).name: run for run in found.runs if run.launch in own}
    return SweepRuns(
        sweep,
        {
            entry: SweepRun(launch, _row(here, _run(here, found, listed, launch)))
            for entry, launch in sweep.launches.items()
        },
        found.outages,
    )


def stop_all(here: Installation, name: str) -> SweepRuns:
    """Ask every run of a sweep that is not over to stop; while it is being started, wait.

    Raises
    ------
    SlipwayError
        A run cannot be stopped; the others are asked all the same, and the message says how many.
    """
    with locked(here.volume, name):
        _for_each(here, show_sweep(here, name).live, change.stop, "asked to stop")
    return show_sweep(here, name)


def retry_failed(here: Installation, name: str) -> SweepRuns:
    """Go on with every failed or stopped run of a sweep, at the step that failed.

    Raises
    ------
    SlipwayError
        As `stop_all`.
    """
    with locked(here.volume, name):
        broken = show_sweep(here, name).in_state(State.FAILED, State.STOPPED)
        _for_each(here, broken, change.retry, "started again")
    return show_sweep(here, name)


def _for_each(
    here: Installation,
    chosen: list[SweepRun],
    action: Callable[[Installation, str], Any],
    done: str,
) -> None:
    wrong: list[SlipwayError] = []
    for run in chosen:
        try:
            action(here, run.row.facts.id if run.row else run.launch)
        except SlipwayError as reason:
            wrong.append(reason)
    if wrong:
        raise type(wrong[0])(
            f"{len(chosen) - len(wrong)} of {len(chosen)} runs were {done}; "
            f"of the others: {wrong[0].message}",
            where=wrong[0].where,
            next=wrong[0].next,
        )


def _run(here: Installation, found: Found, listed: Mapping[str, Run], launch: str) -> Run | None:
    """Give the run that a launch became; None when it was never started, or was deleted."""
    run = listed.get(launch)
    if run is None:
        folder = run_folder(here.volume, launch)
        if not folder.launch.is_file():
            return None
        try:
            run = find(here, launch)  # older than what was listed
        except RunNotFound:
            return None
    silent = {outage.engine for outage in found.outages}
    is_lost = is_only_recorded(run) and run.state is State.UNKNOWN
    return None if is_lost and run.engine not in silent else run


def _row(here: Installation, run: Run | None) -> RunRow | None:
    if run is None:
        return None
    folder = folder_of(here, run)
    facts = facts_of(run, folder, record_of(folder))
    # Of one that waits there is nothing to ask MLflow for.
    return RunRow(facts) if run.state is State.PENDING else row_of(here.tracking, facts, folder)
