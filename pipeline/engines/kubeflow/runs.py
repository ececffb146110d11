"""From the KFP API's answers to our `Run`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.states import State
from pipeline.engines.base import Run
from pipeline.engines.kubeflow.states import STOPPING, state_of, was_stopped
from pipeline.engines.kubeflow.steps import NodeStep, iso_time, read_steps

# Description of the runs that were launched here: their name is the launch id.
LAUNCHED = "Launched by Slipway"
_NOT_STARTED = (State.PENDING, State.SKIPPED)


@dataclass(frozen=True)
class Seen:
    """A run as the API showed it.

    Parameters
    ----------
    run
        Without steps when it comes from a list.
    nodes
        Its steps with their nodes.
    stamp
        Changes whenever the run does after its end: by a retry, wherever that was asked for.
    is_stopping
        Whether it was asked to stop.
    """

    run: Run
    nodes: tuple[NodeStep, ...] = ()
    stamp: str = ""
    is_stopping: bool = False


def from_list(entry: Mapping[str, Any]) -> Seen:
    """Read a run of a list: all but its steps and messages."""
    spec = entry.get("pipeline_spec") or {}
    parameters = _parameters(spec)
    own_name = entry.get("name", "") if entry.get("description") == LAUNCHED else ""
    run = Run(
        id=entry["id"],
        uid=entry["id"],  # KFP writes its run id in the place of {{workflow.uid}}
        launch=parameters.get("launch", own_name),
        engine="kubeflow",
        state=state_of(entry.get("status") or ""),
        created_at=iso_time(entry.get("created_at")),
        finished_at=iso_time(entry.get("finished_at")),
        parameters=parameters,
    )
    return Seen(run, (), f"{entry.get('status')} {entry.get('finished_at')}")


def from_detail(detail: Mapping[str, Any]) -> Seen:
    """Read a run with its workflow."""
    listed = from_list(detail["run"])
    text = (detail.get("pipeline_runtime") or {}).get("workflow_manifest") or "{}"
    workflow = json.loads(text)
    status = workflow.get("status") or {}
    state = listed.run.state
    if state is State.FAILED and was_stopped(workflow):
        state = State.STOPPED
    nodes = tuple(read_steps(workflow, is_over=state.is_finished))
    if state is State.RUNNING and all(entry.step.state in _NOT_STARTED for entry in nodes):
        state = State.PENDING
    created = min(
        filter(None, (listed.run.created_at, iso_time(status.get("startedAt")))), default=""
    )
    finished = iso_time(status.get("finishedAt")) or listed.run.finished_at
    values = vars(listed.run) | {
        "state": state,
        "created_at": created,
        "started_at": iso_time(status.get("startedAt")),
        "finished_at": finished if state.is_finished else "",
        "steps": tuple(entry.step for entry in nodes),
    }
    stopping = was_stopped(workflow) or (detail["run"].get("status") or "").lower() in STOPPING
    return Seen(Run(**values), nodes, listed.stamp, stopping)


def _parameters(spec: Mapping[str, Any]) -> dict[str, str]:
    given = spec.get("parameters")
    if not given:
        manifest = json.loads(spec.get("workflow_manifest") or "{}")
        given = manifest.get("spec", {}).get("arguments", {}).get("parameters", [])
    return {entry["name"]: str(entry.get("value", "")) for entry in given}
