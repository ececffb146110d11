"""Runs that only MLflow knows, as the classes that Slipway's own runs have."""

from __future__ import annotations

from pipeline.actions.installation import Installation
from pipeline.actions.runs.model import InMlflow, Origin, RunDetails, RunFacts, RunRow, Tested
from pipeline.core.errors import TrackingUnreachable
from pipeline.tracking.elsewhere import ElsewhereRun
from pipeline.tracking.reader import Tracking
from pipeline.tracking.schema import LIST_METRIC, TEST_METRICS, TEST_PREFIX
from pipeline.tracking.server import ui_url
from pipeline.tracking.summary import History, summary


def facts_elsewhere(run: ElsewhereRun) -> RunFacts:
    """Give what is known of it without asking MLflow again."""
    return RunFacts(
        launch=run.name,
        id=run.id,
        engine="mlflow",
        origin=Origin.MLFLOW,
        state=run.state,
        user=run.user,
        created_at=run.started_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        model=run.params.get("model", ""),
        data=run.params.get("data", ""),
        experiment=run.experiment,
    )


def row_elsewhere(tracking: Tracking, run: ElsewhereRun) -> RunRow:
    """Give what a list shows of it; while MLflow is away a live one has no curve."""
    history: History = {}
    if LIST_METRIC in run.metrics:
        try:
            history = tracking.history(run.id, (LIST_METRIC,))
        except TrackingUnreachable:  # the list says so once, for all of them
            history = {}
    best = {name: value["best"] for name, value in summary(history).items()}
    last = {name: value for name, value in run.metrics.items() if name == LIST_METRIC}
    return RunRow(
        facts_elsewhere(run),
        metrics=best or last,
        curve=tuple(value for _, value in history.get(LIST_METRIC, [])),
        test=run.metrics.get(TEST_PREFIX + LIST_METRIC),
        source="MLflow",
    )


def show_elsewhere(here: Installation, name: str) -> RunDetails:
    """Give everything about it.

    Raises
    ------
    TrackingUnreachable
        MLflow did not answer, or has no such run.
    """
    tracking = here.tracking
    run = tracking.elsewhere_run(name)
    url = ui_url(here.settings)
    measured = {key: run.metrics.get(TEST_PREFIX + key) for key in TEST_METRICS}
    return RunDetails(
        facts=facts_elsewhere(run),
        history=tracking.history(name),
        metrics_source="mlflow",
        params=run.params,
        params_source="mlflow",
        tested=Tested({key: value for key, value in measured.items() if value is not None}),
        mlflow=InMlflow(
            run.run_id,
            f"{url}/#/experiments/{run.experiment_id}/runs/{run.run_id}" if url else "",
        ),
    )
