"""Runs that only MLflow knows, in the form in which Slipway shows its own."""

from __future__ import annotations

from typing import Any

from pipeline.core.errors import TrackingUnreachable
from pipeline.core.settings import Settings
from pipeline.tracking.elsewhere import ElsewhereRun, is_elsewhere
from pipeline.tracking.reader import Tracking
from pipeline.tracking.schema import LIST_METRIC, TEST_METRICS, TEST_PREFIX
from pipeline.tracking.server import ui_url
from pipeline.tracking.summary import History, summary

__all__ = ["facts_elsewhere", "is_elsewhere", "row_elsewhere", "show_elsewhere"]

ENGINE = "mlflow"


def facts_elsewhere(run: ElsewhereRun) -> dict[str, Any]:
    """Give what `pipeline.actions.runs.details.facts_of` gives of a run of Slipway."""
    return {
        "launch": run.name,
        "run": run.id,
        "engine": ENGINE,
        "state": str(run.state),
        "user": run.user,
        "created_at": run.started_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "message": "",
        "model": run.params.get("model", ""),
        "cfg": "",
        "data": run.params.get("data", ""),
        "experiment": run.experiment,
        "cloned_from": "",
        "from_trial": "",
    }


def row_elsewhere(tracking: Tracking, run: ElsewhereRun) -> dict[str, Any]:
    """Give what a list shows of it; while MLflow is away a live one has no curve."""
    history: History = {}
    if LIST_METRIC in run.metrics:
        try:
            history = tracking.history(run.id, (LIST_METRIC,))
        except TrackingUnreachable:  # the list says so once, for all of them
            history = {}
    best = {name: value["best"] for name, value in summary(history).items()}
    last = {name: value for name, value in run.metrics.items() if name == LIST_METRIC}
    return {
        **facts_elsewhere(run),
        "metrics": best or last,
        "curve": [value for _, value in history.get(LIST_METRIC, [])],
        "test": {LIST_METRIC: run.metrics.get(TEST_PREFIX + LIST_METRIC)},
        "steps": [],
        "metrics_source": "mlflow",
        "note": "",
        "tags": (),
        "is_archived": False,
        "from": "MLflow",
        "is_data_changed": False,
    }


def show_elsewhere(settings: Settings, name: str) -> dict[str, Any]:
    """Give what `pipeline.actions.runs.details.show` gives of a run of Slipway.

    Raises
    ------
    TrackingUnreachable
        MLflow did not answer, or has no such run.
    """
    tracking = Tracking(settings)
    run = tracking.elsewhere_run(name)
    url = ui_url(settings)
    tested = {key: run.metrics.get(TEST_PREFIX + key) for key in TEST_METRICS}
    return {
        **facts_elsewhere(run),
        "metrics": tracking.metrics(name),
        "metrics_source": "mlflow",
        "steps": [],
        "params": dict(run.params),
        "params_source": "mlflow",
        "test": {key: value for key, value in tested.items() if value is not None},
        "build": {},
        "mlflow": {
            "run_id": run.run_id,
            "url": f"{url}/#/experiments/{run.experiment_id}/runs/{run.run_id}" if url else "",
        },
        # It has none, but whoever looks for a file there must find nothing.
        "folder": str(settings.state / "elsewhere" / run.run_id),
        "parameters": {},
    }
