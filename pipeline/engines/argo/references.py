"""Checking, before anything runs, that every placeholder of a plan will have a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pipeline.core.findings import Finding
from pipeline.core.said import said
from pipeline.engines.argo.expressions import references
from pipeline.engines.argo.fields import mistake
from pipeline.engines.argo.plan import Plan, Task, Template, leaves

WORKFLOW_VALUES = ("uid", "name", "status", "namespace")


def check_references(plan: Plan) -> list[Finding]:
    """Name templates that do not exist or contain themselves, and placeholders without a value."""
    findings = list(_missing_templates(plan))
    if findings:
        return findings
    steps = Counter(task.name for task in leaves(plan.templates, plan.entrypoint))
    if plan.on_exit:
        steps[plan.on_exit] += 1
    for name, count in steps.items():
        if count > 1:
            findings.append(
                mistake(
                    said(
                        "{count} steps are called '{name}'; names must differ.",
                        count=count,
                        name=name,
                    ),
                    name,
                )
            )
    for template in plan.templates.values():
        findings += _template_placeholders(plan, template)
    return findings


def _missing_templates(plan: Plan) -> Iterator[Finding]:
    roots = [("spec.entrypoint", plan.entrypoint)]
    if plan.on_exit:
        roots.append(("spec.onExit", plan.on_exit))
    for where, name in roots:
        if name not in plan.templates:
            yield mistake(
                said(
                    "{where} names the template '{name}', which is not there.",
                    where=where,
                    name=name,
                ),
                where,
            )
    if plan.on_exit in plan.templates and not plan.templates[plan.on_exit].is_step:
        yield mistake(
            said("spec.onExit is a DAG; the local engine runs one step there."), "spec.onExit"
        )
    for template in plan.templates.values():
        for task in template.tasks:
            where = f"spec.templates[{template.name}].dag.tasks[{task.name}].template"
            if task.template not in plan.templates:
                yield mistake(
                    said(
                        "{where} is '{template}', which is not there.",
                        where=where,
                        template=task.template,
                    ),
                    where,
                )
            elif template.name in _inside(plan, task.template, set()):
                yield mistake(said("{where}: the template contains itself.", where=where), where)


def _inside(plan: Plan, name: str, seen: set[str]) -> set[str]:
    if name in plan.templates and name not in seen:
        seen.add(name)
        for task in plan.templates[name].tasks:
            _inside(plan, task.template, seen)
    return seen


def _template_placeholders(plan: Plan, template: Template) -> Iterator[Finding]:
    where = f"spec.templates[{template.name}]"
    known = {f"workflow.{name}" for name in WORKFLOW_VALUES}
    known |= {f"workflow.parameters.{name}" for name in plan.parameters}
    known |= {f"inputs.parameters.{name}" for name in template.inputs}
    if template.container:
        known |= {f"inputs.artifacts.{name}.path" for name in template.artifact_inputs}
        known |= {f"outputs.parameters.{name}.path" for name in template.outputs}
        known |= {f"outputs.artifacts.{name}.path" for name in template.artifact_outputs}
        texts = [*template.container.argv, *(v.value for v in template.container.variables)]
        yield from _unknown(texts, known, f"{where}.container")
    known |= {f"inputs.artifacts.{name}" for name in template.artifact_inputs}
    for task in template.tasks:
        reachable = known | _outputs_before(plan, template, task)
        texts = [*task.parameters.values(), *task.artifacts.values()]
        if task.when:
            texts += [task.when.left, task.when.right]
        yield from _unknown(texts, reachable, f"{where}.dag.tasks[{task.name}]")
        yield from _missing_arguments(plan.templates[task.template], task, where)


def _outputs_before(plan: Plan, template: Template, task: Task) -> set[str]:
    """Give the outputs of the tasks that are surely over before this one starts."""
    by_name = {entry.name: entry for entry in template.tasks}
    names: set[str] = set()
    todo = list(task.dependencies)
    while todo:
        name = todo.pop()
        if name not in names:
            names.add(name)
            todo += by_name[name].dependencies
    outputs = set()
    for name in names:
        made_by = plan.templates[by_name[name].template]
        outputs |= {f"tasks.{name}.outputs.parameters.{output}" for output in made_by.outputs}
        outputs |= {
            f"tasks.{name}.outputs.artifacts.{output}" for output in made_by.artifact_outputs
        }
    return outputs


def _missing_arguments(template: Template, task: Task, where: str) -> Iterator[Finding]:
    given = {*task.artifacts, *task.raw_artifacts}
    for name, default in template.inputs.items():
        if default is None and name not in task.parameters:
            at = f"{where}.dag.tasks[{task.name}].arguments.parameters"
            yield mistake(
                said(
                    "{at} lacks '{name}', which {template} needs.",
                    at=at,
                    name=name,
                    template=template.name,
                ),
                at,
            )
    for name, artifact in template.artifact_inputs.items():
        if name not in given and artifact.raw is None and not artifact.optional:
            at = f"{where}.dag.tasks[{task.name}].arguments.artifacts"
            yield mistake(
                said(
                    "{at} lacks '{name}', which {template} needs.",
                    at=at,
                    name=name,
                    template=template.name,
                ),
                at,
            )


def _unknown(texts: Iterable[str], known: set[str], where: str) -> Iterator[Finding]:
    for text in texts:
        for name in references(text):
            if name not in known:
                yield mistake(
                    said(
                        "{where} uses {{{{{name}}}}}, which has no value here.",
                        where=where,
                        name=name,
                    ),
                    where,
                )
