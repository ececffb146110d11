"""Runs in MLflow that Slipway did not log: a notebook's, a script's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.core.states import State
from pipeline.tracking.schema import ELSEWHERE, TAG_RUN_USER, shown_name

_STATES = {
    "SCHEDULED": State.PENDING,
    "RUNNING": State.RUNNING,
    "FINISHED": State.SUCCEEDED,
    "FAILED": State.FAILED,
    "KILLED": State.STOPPED,
}


@dataclass(frozen=True)
class ElsewhereRun:
    """One run as MLflow has it.

    Parameters
    ----------
    run_id, experiment_id
        MLflow's ids.
    name, experiment, user
        What people call the run, its experiment, and whose it is.
    status
        MLflow's word.
    started_ms, ended_ms
        Milliseconds since 1970; 0 when it has not ended.
    params
        Parameters as text.
    metrics
        The last value of each metric, by the name that people see.
    """

    run_id: str
    experiment_id: str
    name: str
    experiment: str
    user: str
    status: str
    started_ms: int
    ended_ms: int
    params: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def id(self) -> str:
        """What the run is called wherever a launch is asked for."""
        return ELSEWHERE + self.run_id

    @property
    def state(self) -> State:
        """MLflow's status in Slipway's words."""
        return _STATES.get(self.status, State.UNKNOWN)

    @property
    def started_at(self) -> str:
        """ISO 8601, UTC."""
        return _time(self.started_ms)

    @property
    def finished_at(self) -> str:
        """ISO 8601, UTC; empty while it runs."""
        return _time(self.ended_ms)


def is_elsewhere(name: str) -> bool:
    """Say whether a name is that of a run which Slipway did not log."""
    return name.startswith(ELSEWHERE)


def id_elsewhere(name: str) -> str:
    """Give MLflow's id of such a run."""
    return name.removeprefix(ELSEWHERE)


def from_mlflow(run: Any, experiments: Mapping[str, str]) -> ElsewhereRun:
    """Take over an MLflow run; `experiments` names experiments by their id."""
    info, data = run.info, run.data
    return ElsewhereRun(
        run_id=info.run_id,
        experiment_id=info.experiment_id,
        name=info.run_name or info.run_id,
        experiment=experiments.get(info.experiment_id, ""),
        user=data.tags.get(TAG_RUN_USER) or info.user_id or "",
        status=info.status,
        started_ms=info.start_time or 0,
        ended_ms=info.end_time or 0,
        params=dict(data.params),
        metrics={shown_name(key): value for key, value in data.metrics.items()},
    )


def experiment_names(client: Any, ids: Iterable[str]) -> dict[str, str]:
    """Ask MLflow for the names of experiments."""
    return {id_: str(client.get_experiment(id_).name) for id_ in set(ids)}


def _time(milliseconds: int) -> str:
    if not milliseconds:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat().replace("+00:00", "Z")
