"""What Kubeflow Pipelines and Argo call the states of runs and steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.states import State

# KFP 1.8 gives Argo's phases; 2.x gives its own words, also over v1beta1. Compared in lower case.
STATES: Mapping[str, State] = {
    "": State.PENDING,  # 1.8: accepted, and the workflow controller has not seen it
    "pending": State.PENDING,  # 2.x says it right after creation
    "running": State.RUNNING,
    "paused": State.RUNNING,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,  # 2.x also when a person stopped it: `was_stopped` tells
    "error": State.FAILED,  # Argo: the step could not be run at all
    "skipped": State.SKIPPED,
    "omitted": State.SKIPPED,  # Argo: what it depends on did not go well
    "terminating": State.RUNNING,  # asked to stop, its pods still end
    "canceling": State.RUNNING,
    "terminated": State.STOPPED,
    "canceled": State.STOPPED,
}
STOPPING = ("terminating", "canceling")


def state_of(word: str) -> State:
    """Give our state for a word of KFP or Argo; a word that is not known is UNKNOWN."""
    return STATES.get(word.lower(), State.UNKNOWN)


def was_stopped(workflow: Mapping[str, Any]) -> bool:
    """Say whether a person stopped the workflow.

    KFP stops it by a deadline of 0 s, ``argo stop`` and ``argo terminate`` by ``shutdown``.
    """
    spec = workflow.get("spec", {})
    message = str(workflow.get("status", {}).get("message", ""))
    return (
        spec.get("activeDeadlineSeconds") == 0
        or bool(spec.get("shutdown"))
        or message.startswith("Stopped with strategy")
    )
