"""Looking at runs: the list, one run, and what its steps printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.actions.engines import Outage, engine_of
from pipeline.actions.runs.find import (
    find,
    folder_of,
    is_only_recorded,
    newest,
    record_of,
)
from pipeline.actions.runs.from_mlflow import is_elsewhere, show_elsewhere
from pipeline.core.errors import (
    EngineUnreachable,
    NotFound,
)
from pipeline.core.files import read_text
from pipeline.core.launch.kinds.registry import step_names
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume.run_folder import RunFolder
from pipeline.engines.base import LogChunk, Run
from pipeline.tracking.reader import Tracking
from pipeline.tracking.schema import LIST_METRIC
from pipeline.tracking.summary import summary

_LOG_BYTES = 1 << 20


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

    rows: list[dict[str, Any]]
    outages: tuple[Outage, ...]


def listing(settings: Settings, *, state: str = "", limit: int = 50) -> Listing:
    """Give runs of all engines, newest first, and say which engine does not answer.

    When MLflow does not answer, values come from the run folders and ``metrics_source`` says so.
    """
    tracking = Tracking(settings)
    found = newest(settings, state=state, limit=limit)
    return Listing([row_of(settings, tracking, run) for run in found.runs], found.outages)


def require_an_answer(settings: Settings, outages: Sequence[Outage]) -> None:
    """Refuse to call a list that no engine has confirmed a list of runs."""
    if outages and len(outages) == len(settings.engines):
        raise EngineUnreachable(outages[0].message, next=outages[0].next)


def show(settings: Settings, run: str) -> dict[str, Any]:
    """Give everything about one run, as the command line prints it.

    A run that only MLflow knows is named ``mlflow:`` and its id there.
    """
    if is_elsewhere(run):
        return show_elsewhere(settings, run)
    found = find(settings, run)
    folder = folder_of(settings, found)
    tracking = Tracking(settings)
    metrics, source = tracking.metrics_or_file(folder)
    params, params_source = tracking.params_or_file(folder)
    return {
        **facts_of(found, folder),
        "message": f"{found.message} {_elsewhere(found, folder)}".strip(),
        "metrics": metrics,
        "metrics_source": source,
        "steps": [
            {
                "name": step.name,
                "state": str(step.state),
                "started_at": step.started_at,
                "finished_at": step.finished_at,
                "message": step.message,
            }
            for step in found.steps
        ],
        "params": params,
        "params_source": params_source,
        "test": test_of(folder),
        "build": _document(folder.built),
        "mlflow": {
            "run_id": tracking.run_id(folder.name),
            "url": tracking.run_url(folder.name),
        },
        "folder": str(folder.path),
        "parameters": dict(found.parameters),
    }


def logs(settings: Settings, run: str, step: str, offset: int = 0) -> LogChunk:
    """Give what a step printed from an offset on, also when its pod is long gone.

    Raises
    ------
    NotFound
        There is no such run or step.
    """
    found = find(settings, run)
    if not is_only_recorded(found):
        try:
            return engine_of(settings, found.engine).logs(found.id, step, offset)
        except EngineUnreachable:
            if not folder_of(settings, found).log(step).is_file():
                raise
    if step not in step_names():
        known = ", ".join(step_names())
        raise NotFound(f"There is no step '{step}'.", where="step", next=f"Choose one of {known}.")
    return _logged(folder_of(settings, found).log(step), offset)


def row_of(settings: Settings, tracking: Tracking, run: Run) -> dict[str, Any]:
    """Give what the list shows of a run: its facts, and how well it does."""
    folder = folder_of(settings, run)
    history, source = tracking.history_or_file(folder, (LIST_METRIC,))
    return {
        **facts_of(run, folder),
        "metrics": {name: value["best"] for name, value in summary(history).items()},
        "curve": [value for _, value in history.get(LIST_METRIC, [])],
        "test": {LIST_METRIC: test_of(folder).get(LIST_METRIC)},
        "steps": [{"name": step.name, "state": str(step.state)} for step in run.steps],
        "metrics_source": source,
    }


def _elsewhere(run: Run, folder: RunFolder) -> str:
    """Say that a run writes to another volume than this one: verify claims its folder first."""
    is_verified = any(step.name == "verify" and step.state is State.SUCCEEDED for step in run.steps)
    if run.engine == "local" or not is_verified or folder.owner.is_file():
        return ""
    return (
        "this volume is not the one that the run writes to: verify finished, and nothing of it is"
        f" in runs/{folder.name}. Plots and metrics will be missing here until SLIPWAY_VOLUME is"
        " the claim that runs use (SLIPWAY_PVC_NAME)."
    )


def test_of(folder: RunFolder) -> dict[str, Any]:
    """Give what the test step measured; empty when it has not run."""
    return _document(folder.test_metrics)


def facts_of(run: Run, folder: RunFolder) -> dict[str, Any]:
    """Give what is known of a run without asking MLflow."""
    record = record_of(folder)
    return {
        "launch": folder.name,
        "run": run.id,
        "engine": run.engine,
        "state": str(run.state),
        "user": record.user if record else run.parameters.get("user", ""),
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "message": run.message,
        "model": record.choices.model if record else run.parameters.get("model_name", ""),
        "cfg": record.choices.cfg if record else run.parameters.get("cfg", ""),
        "data": record.choices.data if record else run.parameters.get("data", ""),
        "experiment": record.choices.experiment if record else "",
        "cloned_from": record.cloned_from if record else "",
        "sweep": record.sweep if record else "",
        "from_trial": record.from_trial if record else "",
    }


def _document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(read_text(path)) if path.is_file() else {}
    return document


def _logged(path: Path, offset: int) -> LogChunk:
    if not path.is_file():
        return LogChunk("", offset, True)
    with open(path, "rb") as file:
        file.seek(offset)
        data = file.read(_LOG_BYTES)
        is_complete = not file.read(1)
    return LogChunk(data.decode("utf-8", "replace"), offset + len(data), is_complete)
