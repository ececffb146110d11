"""Reading a compiled Argo workflow into a `Plan`, or saying by name what stands against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from pipeline.core.errors import InputError
from pipeline.core.findings import Finding, error, has_errors, ordered
from pipeline.core.said import said
from pipeline.engines.argo.containers import (
    check_container,
    read_container,
    read_output,
    read_raw,
    text_of,
)
from pipeline.engines.argo.expressions import When, parse_when
from pipeline.engines.argo.fields import check_fields, mistake
from pipeline.engines.argo.plan import ArtifactInput, Plan, Task, Template
from pipeline.engines.argo.references import check_references

CLAIM_ACTIONS = ("apply", "create", "get")


def read_document(workflow: Mapping[str, Any]) -> Plan:
    """Read a workflow that this engine can run.

    Raises
    ------
    InputError
        It holds something that the engine does not know; every such field is named.
    """
    findings: list[Finding] = list(check_fields(workflow))
    try:
        if not has_errors(findings):
            findings.extend(_check(workflow))
        if not has_errors(findings):
            plan = _plan(workflow, findings)
            findings.extend(check_references(plan))
    except (KeyError, TypeError, AttributeError) as reason:
        findings.append(
            error(
                "wrong-shape", said("the workflow is not complete: {reason}.", reason=repr(reason))
            )
        )
    mistakes = [finding for finding in ordered(findings) if finding.severity == "error"]
    if mistakes:
        raise InputError(
            said(
                "the local engine cannot run this workflow: {message}", message=mistakes[0].message
            ),
            findings=ordered(findings),
            where=mistakes[0].where,
            next=mistakes[0].next,
        )
    return plan


def _check(workflow: Mapping[str, Any]) -> Iterator[Finding]:
    """Name what stands against the templates, each looked at alone."""
    for entry in workflow["spec"]["templates"]:
        where = f"spec.templates[{entry['name']}]"
        if sum(kind in entry for kind in ("container", "resource", "dag")) != 1:
            yield mistake(
                said("{where} needs one of container, resource and dag.", where=where), where
            )
        if "dag" in entry:
            yield from _check_tasks(entry["dag"].get("tasks", []), f"{where}.dag")
        if "container" in entry:
            yield from check_container(entry, where)
        if "resource" in entry:
            yield from _check_claim(entry["resource"], f"{where}.resource")


def _check_tasks(entries: Sequence[Mapping[str, Any]], where: str) -> Iterator[Finding]:
    for entry in entries:
        at = f"{where}.tasks[{entry['name']}]"
        try:
            _when(entry)
        except ValueError as reason:
            yield mistake(said("{at}.when: {reason}.", at=at, reason=reason), f"{at}.when")
        if not all(map(_is_name, _depends(entry))):
            message = said("{at}.depends is more than names joined by &&.", at=at)
            yield mistake(message, f"{at}.depends")
    dependencies = {entry["name"]: _dependencies(entry) for entry in entries}
    if never := set(dependencies) - set(_in_order(dependencies)):
        names = ", ".join(str(name) for name in dependencies if name in never)
        yield mistake(
            said("the dependencies of {names} are unknown or a circle.", names=names), where
        )


def _check_claim(resource: Mapping[str, Any], where: str) -> Iterator[Finding]:
    action, manifest = resource.get("action"), yaml.safe_load(resource["manifest"])
    if action not in CLAIM_ACTIONS:
        allowed = ", ".join(CLAIM_ACTIONS)
        yield mistake(
            said(
                "{where}.action is '{action}', not one of {allowed}.",
                where=where,
                action=action,
                allowed=allowed,
            ),
            where,
        )
    if not isinstance(manifest, dict) or manifest.get("kind") != "PersistentVolumeClaim":
        at = f"{where}.manifest"
        yield mistake(said("{at} is no PersistentVolumeClaim.", at=at), at)


def _plan(workflow: Mapping[str, Any], notes: Sequence[Finding]) -> Plan:
    spec, metadata = workflow["spec"], workflow.get("metadata", {})
    return Plan(
        name=str(metadata.get("generateName") or metadata.get("name") or "workflow-"),
        entrypoint=spec["entrypoint"],
        on_exit=spec.get("onExit", ""),
        templates={entry["name"]: _template(entry) for entry in spec["templates"]},
        parameters={
            entry["name"]: text_of(entry.get("value", ""))
            for entry in spec.get("arguments", {}).get("parameters", [])
        },
        notes=tuple(notes),
    )


def _template(entry: Mapping[str, Any]) -> Template:
    inputs, outputs = entry.get("inputs", {}), entry.get("outputs", {})
    tasks = {task["name"]: _task(task) for task in entry.get("dag", {}).get("tasks", [])}
    dependencies = {name: task.dependencies for name, task in tasks.items()}
    return Template(
        name=entry["name"],
        inputs={
            item["name"]: None
            if item.get("value", item.get("default")) is None
            else text_of(item.get("value", item.get("default")))
            for item in inputs.get("parameters", [])
        },
        artifact_inputs={
            item["name"]: ArtifactInput(
                item.get("path", ""), read_raw(item), bool(item.get("optional", False))
            )
            for item in inputs.get("artifacts", [])
        },
        outputs={
            item["name"]: read_output(item["valueFrom"]) for item in outputs.get("parameters", [])
        },
        artifact_outputs={item["name"]: read_output(item) for item in outputs.get("artifacts", [])},
        container=read_container(entry) if "container" in entry else None,
        claim=yaml.safe_load(entry["resource"]["manifest"]) if "resource" in entry else None,
        tasks=tuple(tasks[name] for name in _in_order(dependencies)),
    )


def _task(entry: Mapping[str, Any]) -> Task:
    arguments = entry.get("arguments", {})
    artifacts = arguments.get("artifacts", [])
    return Task(
        name=entry["name"],
        template=entry["template"],
        dependencies=_dependencies(entry),
        when=_when(entry),
        parameters={
            item["name"]: text_of(item["value"]) for item in arguments.get("parameters", [])
        },
        artifacts={item["name"]: item["from"] for item in artifacts if "from" in item},
        raw_artifacts={item["name"]: read_raw(item) or "" for item in artifacts if "raw" in item},
    )


def _when(entry: Mapping[str, Any]) -> When | None:
    return parse_when(entry["when"]) if "when" in entry else None


def _dependencies(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return (*entry.get("dependencies", []), *filter(_is_name, _depends(entry)))


def _depends(entry: Mapping[str, Any]) -> list[str]:
    """Read of ``depends`` the form that says what ``dependencies`` does: names and ``&&``."""
    return [name.strip() for name in str(entry.get("depends", "")).split("&&") if name.strip()]


def _is_name(text: str) -> bool:
    return text.replace("-", "").replace("_", "").isalnum()


def _in_order(dependencies: Mapping[str, Sequence[str]]) -> list[str]:
    """Sort tasks so that each stands behind its dependencies, else as in the document.

    Those that never can be are left out.
    """
    done: list[str] = []
    waiting = list(dependencies)
    while ready := [name for name in waiting if set(dependencies[name]) <= set(done)]:
        waiting.remove(ready[0])
        done.append(ready[0])
    return done
