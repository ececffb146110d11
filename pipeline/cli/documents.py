"""What ``--json`` prints about runs; nothing else makes JSON of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.tracking.elsewhere import id_elsewhere
from pipeline.tracking.schema import LIST_METRIC

if TYPE_CHECKING:  # each command imports what it needs, and no more
    from pipeline.actions.runs.change import Deleted
    from pipeline.actions.runs.compare import Comparison
    from pipeline.actions.runs.model import InMlflow, RunDetails, RunFacts, RunRow, Tested
    from pipeline.actions.runs.queue import Queue
    from pipeline.actions.runs.sweep_runs import SweepRun, SweepRuns
    from pipeline.actions.runs.tuning import Tuning
    from pipeline.actions.runs.worth import Worth
    from pipeline.core.settings import Settings
    from pipeline.engines.base import Run

Document = dict[str, Any]


def details_document(settings: Settings, run: RunDetails) -> Document:
    """Give what ``show`` prints."""
    facts = run.facts
    # Scripts were promised a folder: where a run has none, nothing is found in this one.
    nowhere = settings.state / "elsewhere" / id_elsewhere(facts.id)
    return {
        **_facts(facts),
        "metrics": run.metrics,
        "metrics_source": run.metrics_source,
        "steps": [asdict(step) for step in facts.steps],
        "params": run.params,
        "params_source": run.params_source,
        "test": _tested(run.tested),
        "build": run.build,
        "mlflow": _mlflow(run.mlflow),
        "folder": str(facts.folder.path if facts.folder else nowhere),
        "parameters": facts.parameters,
    }


def row_document(row: RunRow) -> Document:
    """Give one entry of what ``runs`` prints."""
    return {
        **_facts(row.facts),
        "metrics": row.metrics,
        "curve": row.curve,
        "test": {LIST_METRIC: row.test},
        "steps": [{"name": step.name, "state": step.state} for step in row.facts.steps],
        "metrics_source": row.metrics_source,
    }


def changed_document(run: Run) -> Document:
    """Give what ``stop`` and ``retry`` print."""
    return {"run": run.id, "launch": run.launch, "state": run.state}


def tracked_document(run: Run, logged: int) -> Document:
    """Give what ``track`` prints."""
    return {"run": run.id, "launch": run.launch, "logged": logged}


def deleted_document(run: Deleted) -> Document:
    """Give what ``delete`` prints."""
    return {
        "run": run.id,
        "launch": run.launch,
        "state": "deleted",
        "freed_bytes": run.freed_bytes,
        "folder": str(run.folder.path) if run.folder else "",
        "stays": {"mlflow": _mlflow(run.stays)} if run.stays.run_id else {},
    }


def comparison_document(found: Comparison) -> Document:
    """Give what ``compare`` prints: parameters (only those that differ), metrics (all), data."""
    from pipeline.actions.runs.compare import differing  # numpy comes with it

    metrics = {name: run.metrics for name, run in found.runs.items()}
    keys = dict.fromkeys(key for of_run in metrics.values() for key in of_run)
    return {
        "params": differing(found.params),
        "metrics": {
            key: {name: of_run[key] for name, of_run in metrics.items() if key in of_run}
            for key in keys
        },
        "data": {"same": found.data.code, "text": found.data.text},
    }


def sweep_document(found: SweepRuns) -> Document:
    """Give what ``sweep`` prints of one sweep."""
    return {
        "sweep": found.sweep.name,
        "engine": found.sweep.engine,
        "user": found.sweep.user,
        "created_at": found.sweep.created_at,
        "data": found.sweep.base.data,
        "runs": [{**asdict(entry), **_sweep_run(run)} for entry, run in found.runs.items()],
        "rows": [asdict(row) for row in found.rows],
    }


def tuning_document(launch: str, found: Tuning, worth: list[Worth]) -> Document:
    """Give what ``trials`` prints."""
    return {
        "launch": launch,
        "metric": found.metric,
        "trials_asked": found.asked,
        "best": found.best.name if found.best else None,
        "before": found.first_score,
        "importance": found.importance,
        "trials": [asdict(trial) for trial in found.trials],
        "worth": [_worth(entry) for entry in worth],
    }


def queue_document(found: Queue) -> Document:
    """Give what ``queue`` prints."""
    return {
        "is_paused": found.is_paused,
        "slots": found.slots,
        "busy": found.busy,
        "waiting": [
            {
                "place": place,
                "launch": run.launch,
                "run": run.id,
                "priority": found.priorities[run.id],
                "starts_in_s": _rounded(found.starts_in_s.get(run.id)),
            }
            for place, run in enumerate(found.waiting, start=1)
        ],
    }


def _facts(facts: RunFacts) -> Document:
    return {
        "launch": facts.launch,
        "run": facts.id,
        "engine": facts.engine,
        "state": facts.state,
        "user": facts.user,
        "created_at": facts.created_at,
        "started_at": facts.started_at,
        "finished_at": facts.finished_at,
        "message": facts.message,
        "model": facts.model,
        "cfg": facts.cfg,
        "data": facts.data,
        "experiment": facts.experiment,
        "cloned_from": facts.cloned_from,
        **({"sweep": facts.sweep} if facts.folder else {}),
        "from_trial": facts.from_trial,
    }


def _tested(found: Tested) -> Document:
    if not found.split:
        return dict(found.metrics)
    return {"split": found.split, **found.metrics, "classes": found.classes}


def _mlflow(found: InMlflow) -> Document:
    return {"run_id": found.run_id, "url": found.url}


def _sweep_run(run: SweepRun) -> Document:
    facts = run.row.facts if run.row else None
    return {
        "launch": run.launch,
        "run": facts.id if facts else "",
        "state": run.state,
        "metrics": run.row.metrics if run.row else {},
        "test": {LIST_METRIC: run.row.test if run.row else None},
        "started_at": facts.started_at if facts else "",
        "finished_at": facts.finished_at if facts else "",
        "message": facts.message if facts else "",
    }


def _worth(worth: Worth) -> Document:
    before, after = worth.baseline, worth.tuned
    return {
        "trial": worth.trial,
        "baseline": before.runs,
        "tuned": after.runs,
        "split": after.split,
        "is_same_data": worth.is_same_data,
        "metrics": {
            name: {
                "baseline": _mean(before.metrics, name),
                "tuned": _mean(after.metrics, name),
                "difference": worth.difference(name),
                "spread": worth.spread(name),
            }
            for name in dict.fromkeys((*before.metrics, *after.metrics))
        },
    }


def _mean(metrics: Mapping[str, tuple[float, float]], name: str) -> float | None:
    return metrics[name][0] if name in metrics else None


def _rounded(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
