"""Putting reasons into the messages of a run and its steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pipeline.core.said import said, sentences
from pipeline.core.states import State
from pipeline.engines.base import Run, Step
from pipeline.engines.kubeflow.reasons import what_it_waits_for, why_failed
from pipeline.engines.kubeflow.runs import Seen
from pipeline.engines.kubeflow.steps import NodeStep

_NOT_OVER = (State.PENDING, State.RUNNING)


def explained(
    seen: Seen,
    words: Callable[[Run, NodeStep], str],
    ended: Callable[[str], str],
    events: Callable[[str], str] | None,
) -> Run:
    """Give the run with every step's reason in words.

    Parameters
    ----------
    seen
        The run as KFP and Argo tell of it.
    words
        Gives a failed step's own words.
    ended
        Gives what Kubernetes says of how a pod's program ended.
    events
        Gives what Kubernetes says of a pod that does not start; None to do without.
    """
    steps = tuple(_step(seen.run, entry, words, ended, events) for entry in seen.nodes)
    return replace(seen.run, steps=steps, message=_message(seen.run.state, steps))


def _step(
    run: Run,
    entry: NodeStep,
    words: Callable[[Run, NodeStep], str],
    ended: Callable[[str], str],
    events: Callable[[str], str] | None,
) -> Step:
    step = entry.step
    if step.state is State.FAILED:
        end = ended(entry.node) if entry.node else ""
        return replace(step, message=why_failed(step.message, words(run, entry), end))
    if step.state is State.PENDING and entry.node:
        happened = events(entry.node) if events else ""
        return replace(step, message=what_it_waits_for(step.message, happened))
    return replace(step, message="") if step.state is State.RUNNING else step


def _message(state: State, steps: tuple[Step, ...]) -> str:
    if state is State.FAILED:
        failed = next((step for step in steps if step.state is State.FAILED), None)
        if failed is None:
            return ""
        return said("{step} failed: {message}", step=failed.name, message=failed.message)
    if state in _NOT_OVER:
        waiting = (step for step in steps if step.state is State.PENDING and step.message)
        return next((sentences(step.name, step.message) for step in waiting), "")
    return ""
