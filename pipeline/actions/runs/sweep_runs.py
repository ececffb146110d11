"""A sweep's runs: how each is doing, what rows come to, stopping and retrying them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.actions.engines import Outage
from pipeline.actions.runs import change
from pipeline.actions.runs import details as runs
from pipeline.actions.runs.find import Found, find, folder_of, is_only_recorded, newest
from pipeline.actions.runs.seeds import mean_and_std
from pipeline.core.errors import RunNotFound, SlipwayError
from pipeline.core.launch.sweep import Combination, Sweep, load_sweep, locked
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import run_folder
from pipeline.engines.base import Run
from pipeline.tracking.reader import Tracking
from pipeline.tracking.schema import LIST_METRIC

_LOOKED_AT = 1000
_NO_RUN: Mapping[str, Any] = {
    "run": "",
    "state": None,
    "metrics": {},
    "test": {LIST_METRIC: None},
    "started_at": "",
    "finished_at": "",
    "message": "",
}


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
        Of each combination ``launch``, ``run``, ``state``, ``metrics``, ``test``, ``started_at``,
        ``finished_at`` and ``message``; a launch that is no run (yet) has the state None.
    outages
        Engines that do not answer; what is known of their runs is as last seen.
    """

    sweep: Sweep
    runs: Mapping[Combination, Mapping[str, Any]]
    outages: tuple[Outage, ...]

    def in_state(self, *states: State | None) -> list[Mapping[str, Any]]:
        """Give the runs that are in one of these states."""
        return [run for run in self.runs.values() if run["state"] in states]

    @property
    def live(self) -> list[Mapping[str, Any]]:
        """The runs that are not over."""
        return [run for run in self.runs.values() if is_live(run)]

    @property
    def rows(self) -> list[Row]:
        """What each model and cfg comes to, in the order of the sweep."""
        pairs = dict.fromkeys((entry.model, entry.cfg) for entry in self.runs)
        return [self._row(model, cfg) for model, cfg in pairs]

    def as_dict(self) -> dict[str, Any]:
        """Give the JSON object that the command line prints."""
        named = (
            {"model": entry.model, "cfg": entry.cfg, "seed": entry.seed} for entry in self.runs
        )
        return {
            "sweep": self.sweep.name,
            "engine": self.sweep.engine,
            "user": self.sweep.user,
            "created_at": self.sweep.created_at,
            "data": self.sweep.base.data,
            "runs": [{**name, **run} for name, run in zip(named, self.runs.values(), strict=True)],
            "rows": [vars(row) for row in self.rows],
        }

    def _row(self, model: str, cfg: str) -> Row:
        own = [run for entry, run in self.runs.items() if (entry.model, entry.cfg) == (model, cfg)]
        values = [value_of(run) for run in own if run["state"] == State.SUCCEEDED]
        known = [value for value in values if value is not None]
        mean, std = mean_and_std(known) if known else (None, None)
        return Row(model, cfg, len(own), len(known), mean, std if len(known) > 1 else None)


def is_live(run: Mapping[str, Any]) -> bool:
    """Say whether a run was started and is not over."""
    return run["state"] is not None and not State(run["state"]).is_finished


def value_of(run: Mapping[str, Any]) -> float | None:
    """Give a run's best mAP50-95 on val so far."""
    value = run["metrics"].get(LIST_METRIC)
    return None if value is None else float(value)


def show_sweep(settings: Settings, name: str) -> SweepRuns:
    """Give a sweep with the state and the best value of each of its runs.

    Raises
    ------
    NotFound
        There is no sweep of this name.
    """
    sweep = load_sweep(Volume(settings.volume, settings.data_roots), name)
    found = newest(settings, limit=_LOOKED_AT)
    tracking = Tracking(settings)
    listed = {folder_of(settings, run).name: run for run in found.runs if run.launch}
    return SweepRuns(
        sweep,
        {
            entry: _one(settings, tracking, launch, _run(settings, found, listed, launch))
            for entry, launch in sweep.launches.items()
        },
        found.outages,
    )


def stop_all(settings: Settings, name: str) -> SweepRuns:
    """Ask every run of a sweep that is not over to stop; while it is being started, wait.

    Raises
    ------
    SlipwayError
        A run cannot be stopped; the others are asked all the same, and the message says how many.
    """
    with locked(Volume(settings.volume, settings.data_roots), name):
        _for_each(settings, show_sweep(settings, name).live, change.stop, "asked to stop")
    return show_sweep(settings, name)


def retry_failed(settings: Settings, name: str) -> SweepRuns:
    """Go on with every failed or stopped run of a sweep, at the step that failed.

    Raises
    ------
    SlipwayError
        As `stop_all`.
    """
    with locked(Volume(settings.volume, settings.data_roots), name):
        broken = show_sweep(settings, name).in_state(State.FAILED, State.STOPPED)
        _for_each(settings, broken, change.retry, "started again")
    return show_sweep(settings, name)


def _for_each(
    settings: Settings,
    chosen: list[Mapping[str, Any]],
    action: Callable[[Settings, str], Any],
    done: str,
) -> None:
    wrong: list[SlipwayError] = []
    for run in chosen:
        try:
            action(settings, run["run"])
        except SlipwayError as reason:
            wrong.append(reason)
    if wrong:
        raise type(wrong[0])(
            f"{len(chosen) - len(wrong)} of {len(chosen)} runs were {done}; "
            f"of the others: {wrong[0].message}",
            where=wrong[0].where,
            next=wrong[0].next,
        )


def _run(settings: Settings, found: Found, listed: Mapping[str, Run], launch: str) -> Run | None:
    """Give the run that a launch became; None when it was never started, or was deleted."""
    run = listed.get(launch)
    if run is None:
        folder = run_folder(Volume(settings.volume, settings.data_roots), launch)
        if not folder.launch.is_file():
            return None
        try:
            run = find(settings, launch)  # older than what was listed
        except RunNotFound:
            return None
    silent = {outage.engine for outage in found.outages}
    return None if is_only_recorded(run) and run.engine not in silent else run


def _one(settings: Settings, tracking: Tracking, launch: str, run: Run | None) -> dict[str, Any]:
    if run is None:
        return {"launch": launch, **_NO_RUN}
    if run.state == State.PENDING:  # nothing to ask MLflow for
        facts = runs.facts_of(run, folder_of(settings, run))
    else:
        facts = runs.row_of(settings, tracking, run)
    return {"launch": launch, **{key: facts.get(key, value) for key, value in _NO_RUN.items()}}
