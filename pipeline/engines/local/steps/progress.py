"""Deciding what a run does next, from its plan and the states of its steps. Touches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.core.said import said
from pipeline.core.states import State
from pipeline.engines.argo.expressions import Unresolved, fill
from pipeline.engines.argo.plan import Output, Plan, Task, Template, leaves
from pipeline.engines.local.queue.rows import StepRow

ARGO_STATUS = {State.SUCCEEDED: "Succeeded", State.FAILED: "Failed", State.STOPPED: "Failed"}
STOPPED = said("the run was stopped")


@dataclass(frozen=True)
class Ready:
    """A step that can start, with its inputs.

    Parameters
    ----------
    step
        Its name.
    template
        What to do.
    values
        Placeholder to value.
    artifacts
        Input artifact to the file that holds it.
    raw_artifacts
        Input artifact to its text.
    """

    step: str
    template: Template
    values: Mapping[str, str]
    artifacts: Mapping[str, str] = field(default_factory=dict)
    raw_artifacts: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Decision:
    """What follows from the states of the steps.

    Parameters
    ----------
    skipped
        Steps that will not run, with the reason.
    is_cut_short
        Whether that is a stop, and not a condition or a failure.
    broken
        Steps whose inputs cannot be had, with the reason.
    ready
        The step to start now.
    outcome
        The run's end, when nothing is left to do.
    """

    skipped: dict[str, str] = field(default_factory=dict)
    is_cut_short: bool = False
    broken: dict[str, str] = field(default_factory=dict)
    ready: Ready | None = None
    outcome: State | None = None


@dataclass
class _Result:
    """What is known of a task: is it over, and what did it give."""

    is_over: bool
    values: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)


def decide(
    plan: Plan, steps: Mapping[str, StepRow], values: Mapping[str, str], *, is_stopped: bool
) -> Decision:
    """Say what comes next in a run of which no step is running.

    Parameters
    ----------
    plan
        The workflow.
    steps
        Its steps by name.
    values
        ``workflow.uid`` and the like.
    is_stopped
        A person asked for the end.
    """
    decision = Decision()
    main = [name for name in plan.steps if name != plan.on_exit]
    pending = [name for name in main if steps[name].state is State.PENDING]
    failed = next((name for name in main if steps[name].state is State.FAILED), "")
    if is_stopped or failed:
        decision.is_cut_short = not failed
        decision.skipped = dict.fromkeys(
            pending, said("{step} failed", step=failed) if failed else STOPPED
        )
    elif pending:
        _Walk(plan, steps, values, decision).entry()
        left = set(pending) - set(decision.skipped)
        if left and not decision.ready and not decision.broken:
            raise AssertionError(f"nothing to start although {sorted(left)} wait")
        if left:
            return decision
    outcome = State.SUCCEEDED
    if failed:
        outcome = State.FAILED
    elif is_stopped and (decision.skipped or not all(_went_well(steps[name]) for name in main)):
        outcome = State.STOPPED
    return _with_exit_handler(plan, steps, values, outcome, decision)


def _went_well(step: StepRow) -> bool:
    return step.state is State.SUCCEEDED or (step.state is State.SKIPPED and not step.is_stopping)


def _with_exit_handler(
    plan: Plan,
    steps: Mapping[str, StepRow],
    values: Mapping[str, str],
    outcome: State,
    decision: Decision,
) -> Decision:
    """Run the exit handler last; as in Argo, its failure is the failure of the run."""
    if not plan.on_exit:
        decision.outcome = outcome
    elif steps[plan.on_exit].state is State.PENDING:
        template = plan.templates[plan.on_exit]
        known = {**values, "workflow.status": ARGO_STATUS[outcome]}
        decision.ready = Ready(plan.on_exit, template, {**known, **_inputs(template, {})})
    elif outcome is State.SUCCEEDED and steps[plan.on_exit].state is State.FAILED:
        decision.outcome = State.FAILED
    else:
        decision.outcome = outcome
    return decision


class _Walk:
    """One pass over the nested DAGs, in order, up to the first step that can start."""

    def __init__(
        self,
        plan: Plan,
        steps: Mapping[str, StepRow],
        values: Mapping[str, str],
        decision: Decision,
    ) -> None:
        self._plan = plan
        self._steps = steps
        self._workflow = {**values, "workflow.status": "Running"}
        self._decision = decision

    def entry(self) -> None:
        """Walk from the entrypoint, whose inputs are the workflow's own parameters."""
        template = self._plan.templates[self._plan.entrypoint]
        given = {
            name: value for name, value in self._plan.parameters.items() if name in template.inputs
        }
        values = {**self._workflow, **_inputs(template, given)}
        if template.is_step:
            self._step(Task(template.name, template.name), values, {})
        else:
            self._dag(template, values, {})

    def _dag(
        self, template: Template, values: dict[str, str], artifacts: dict[str, str]
    ) -> _Result:
        results: dict[str, _Result] = {}
        for task in template.tasks:
            if not all(results[name].is_over for name in task.dependencies):
                results[task.name] = _Result(is_over=False)
                continue
            try:
                results[task.name] = self._task(task, values, artifacts)
            except Unresolved as reason:
                first = next(leaves(self._plan.templates, task.template))
                name = task.name if self._plan.templates[task.template].is_step else first.name
                self._decision.broken[name] = said(
                    "{reason}: the step that gives it did not run", reason=reason
                )
                results[task.name] = _Result(is_over=False)
            done = results[task.name]
            prefix = f"tasks.{task.name}.outputs"
            values |= {f"{prefix}.parameters.{key}": text for key, text in done.values.items()}
            artifacts |= {f"{prefix}.artifacts.{key}": at for key, at in done.artifacts.items()}
        return _Result(
            is_over=all(result.is_over for result in results.values()),
            values=_resolved(template.outputs, values),
            artifacts=_resolved(template.artifact_outputs, artifacts),
        )

    def _task(self, task: Task, values: dict[str, str], artifacts: dict[str, str]) -> _Result:
        template = self._plan.templates[task.template]
        if template.is_step and self._steps[task.name].state.is_finished:
            outputs = self._steps[task.name].outputs
            return _Result(
                True, dict(outputs.get("parameters", {})), dict(outputs.get("artifacts", {}))
            )
        if task.when and not task.when.is_true(values):
            self._skip(task, task.when.why_false(values))
            return _Result(is_over=True)
        given = {name: fill(text, values) for name, text in task.parameters.items()}
        inner = {**self._workflow, **_inputs(template, given)}
        files = {}
        for name, source in task.artifacts.items():
            if source.strip("{} ") in artifacts:
                files[name] = artifacts[source.strip("{} ")]
            elif name in template.artifact_inputs and not template.artifact_inputs[name].optional:
                raise Unresolved(f"{source} has no value")
        if template.is_step:
            return self._step(task, inner, files)
        return self._dag(
            template, inner, {f"inputs.artifacts.{name}": at for name, at in files.items()}
        )

    def _step(self, task: Task, values: dict[str, str], files: dict[str, str]) -> _Result:
        template = self._plan.templates[task.template]
        if self._decision.ready is None and self._steps[task.name].state is State.PENDING:
            raw = {
                name: artifact.raw
                for name, artifact in template.artifact_inputs.items()
                if artifact.raw is not None
            }
            self._decision.ready = Ready(
                task.name, template, values, files, {**raw, **task.raw_artifacts}
            )
        return _Result(is_over=False)

    def _skip(self, task: Task, reason: str) -> None:
        names = [task.name]
        if not self._plan.templates[task.template].is_step:
            names = [leaf.name for leaf in leaves(self._plan.templates, task.template)]
        for name in names:
            if self._steps[name].state is State.PENDING:
                self._decision.skipped[name] = reason


def _inputs(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """Give the input parameters of a template as placeholders, defaults where nothing is given."""
    return {
        f"inputs.parameters.{name}": given.get(name, default or "")
        for name, default in template.inputs.items()
    }


def _resolved(outputs: Mapping[str, Output], values: Mapping[str, str]) -> dict[str, str]:
    """Resolve a DAG's outputs as far as inner tasks gave them."""
    found = {}
    for name, output in outputs.items():
        try:
            found[name] = fill(output.source, values)
        except Unresolved:
            if output.default is not None:
                found[name] = output.default
    return found
