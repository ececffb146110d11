"""From the workflow that KFP keeps of a run to our steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.core.launch.kinds.registry import step_names
from pipeline.core.states import State
from pipeline.engines.argo.expressions import Unresolved, parse_when
from pipeline.engines.base import EXIT_HANDLER, Step
from pipeline.engines.kubeflow.states import state_of, was_stopped

STOPPED = "the run was stopped"
_DOES_SOMETHING = ("container", "resource", "script")
_SKIPPED = ("Skipped", "Omitted")


@dataclass(frozen=True)
class NodeStep:
    """A step with the Argo node that it came from.

    Parameters
    ----------
    step
        Its message is Argo's, or the reason why it was skipped.
    node
        Id of the node, which is the name of its pod; empty when there is none.
    """

    step: Step
    node: str

    @property
    def runs_again(self) -> bool:
        """Whether a retry starts it anew: what did not succeed, and always the exit handler."""
        return self.step.state is not State.SUCCEEDED or self.step.name == EXIT_HANDLER


def read_steps(workflow: Mapping[str, Any], *, is_over: bool) -> list[NodeStep]:
    """Give the steps in the pipeline's order, the exit handler last.

    Parameters
    ----------
    workflow
        The Argo workflow with its status.
    is_over
        Whether the run is finished: what has no node by then never runs.
    """
    spec = workflow.get("spec", {})
    templates = {entry["name"]: entry for entry in spec.get("templates", [])}
    nodes = list((workflow.get("status", {}).get("nodes") or {}).values())
    paths = {path[-1]["template"]: path for path in _paths(templates, spec.get("entrypoint", ""))}
    names = _in_order(templates, spec.get("onExit", ""))
    found = [_read(name, paths.get(name, ()), nodes, is_over=is_over) for name in names]
    if was_stopped(workflow):
        found = [_stopped(entry) for entry in found]
    return _with_reasons(found, spec.get("onExit", ""), is_over=is_over)


def iso_time(text: Any) -> str:
    """Give a time of KFP or Argo as everywhere in Slipway; they know whole seconds."""
    return f"{str(text)[:19]}.000Z" if text and not str(text).startswith("1970") else ""


def _in_order(templates: Mapping[str, Any], on_exit: str) -> list[str]:
    names = [
        name for name, entry in templates.items() if any(kind in entry for kind in _DOES_SOMETHING)
    ]
    place = {name: number for number, name in enumerate(step_names())}
    names.sort(key=lambda name: (name == on_exit, place.get(name, len(place))))
    return names


def _paths(
    templates: Mapping[str, Any], name: str, above: tuple[Any, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    """Give the tasks that lead from the entry point to every task."""
    for task in templates.get(name, {}).get("dag", {}).get("tasks", []):
        path = (*above, task)
        yield path
        if len(path) < 20:  # a document that contains itself must not end us
            yield from _paths(templates, task["template"], path)


def _read(
    name: str, path: tuple[Any, ...], nodes: list[dict[str, Any]], *, is_over: bool
) -> NodeStep:
    pods = [node for node in nodes if node.get("templateName") == name and node["type"] == "Pod"]
    if pods:
        node = max(pods, key=lambda pod: pod.get("startedAt") or "")
        state = state_of(node.get("phase", ""))
        if is_over and not state.is_finished:
            state = State.UNKNOWN  # the controller did not see its end
        step = Step(
            name,
            state,
            iso_time(node.get("startedAt")),
            iso_time(node.get("finishedAt")),
            "" if state is State.SUCCEEDED else str(node.get("message") or ""),
        )
        return NodeStep(step, node["id"])
    phases = {node["displayName"]: node.get("phase") for node in nodes}
    for task in path:
        if phases.get(task["name"]) in _SKIPPED:
            # Omitted: an earlier task failed, and the condition was not even looked at.
            is_false = "when" in task and phases[task["name"]] == "Skipped"
            message = _condition(task) if is_false else ""
            return NodeStep(Step(name, State.SKIPPED, message=message), "")
    return NodeStep(Step(name, State.SKIPPED if is_over else State.PENDING), "")


def _condition(task: Mapping[str, Any]) -> str:
    try:
        return parse_when(task["when"]).why_false({})
    except (ValueError, Unresolved):
        return f"{task['when']} does not hold"


def _stopped(entry: NodeStep) -> NodeStep:
    """Read what the stop did to a step: Argo calls it failed."""
    if entry.step.state in (State.FAILED, State.UNKNOWN):
        return replace(entry, step=replace(entry.step, state=State.STOPPED, message=STOPPED))
    return entry


def _with_reasons(found: list[NodeStep], on_exit: str, *, is_over: bool) -> list[NodeStep]:
    """Say of steps that did not run which earlier one is to blame."""
    main = [entry.step for entry in found if entry.step.name != on_exit]
    failed = next((step.name for step in main if step.state is State.FAILED), "")
    stopped = any(step.state is State.STOPPED for step in main) or is_over
    reason = f"{failed} failed" if failed else STOPPED if stopped else ""
    result = []
    for entry in found:
        step = entry.step
        waits = step.state is State.PENDING and not entry.node and step.name != on_exit
        if failed and waits:
            step = replace(step, state=State.SKIPPED)
        if step.state is State.SKIPPED and not step.message:
            step = replace(step, message=reason)
        result.append(replace(entry, step=step))
    return result
