"""Reading a compiled Argo workflow into a `Plan`, or saying by name what stands against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.core.errors import InputError
from pipeline.core.findings import Finding, error, has_errors, ordered
from pipeline.engines.argo.containers import read_container, read_output, read_raw, text_of
from pipeline.engines.argo.expressions import parse_when
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
    findings = list(check_fields(workflow))
    if not has_errors(findings):
        try:
            plan = _plan(workflow, findings)
        except (KeyError, TypeError, AttributeError) as reason:
            findings.append(error("wrong-shape", f"the workflow is not complete: {reason!r}."))
    findings = ordered(findings)
    mistakes = [finding for finding in findings if finding.severity == "error"]
    if mistakes:
        raise InputError(
            f"the local engine cannot run this workflow: {mistakes[0].message}",
            findings=findings,
            where=mistakes[0].where,
            next=mistakes[0].next,
        )
    return plan


def _plan(workflow: Mapping[str, Any], findings: list[Finding]) -> Plan:
    spec = workflow["spec"]
    metadata = workflow.get("metadata", {})
    templates = {
        entry["name"]: _template(entry, f"spec.templates[{entry['name']}]", findings)
        for entry in spec["templates"]
    }
    plan = Plan(
        name=str(metadata.get("generateName") or metadata.get("name") or "workflow-"),
        entrypoint=spec["entrypoint"],
        on_exit=spec.get("onExit", ""),
        templates=templates,
        parameters={
            entry["name"]: text_of(entry.get("value", ""))
            for entry in spec.get("arguments", {}).get("parameters", [])
        },
        notes=tuple(finding for finding in findings if finding.severity != "error"),
    )
    if not has_errors(findings):
        findings += check_references(plan)
    return plan


def _template(entry: Mapping[str, Any], where: str, findings: list[Finding]) -> Template:
    kinds = [kind for kind in ("container", "resource", "dag") if kind in entry]
    if len(kinds) != 1:
        findings.append(mistake(f"{where} needs one of container, resource and dag.", where))
    inputs, outputs = entry.get("inputs", {}), entry.get("outputs", {})
    tasks = [
        _task(task, f"{where}.dag.tasks[{task['name']}]", findings)
        for task in entry.get("dag", {}).get("tasks", [])
    ]
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
        container=read_container(entry, where, findings) if "container" in entry else None,
        claim=_claim(entry["resource"], where, findings) if "resource" in entry else None,
        tasks=_in_order(tasks, where, findings),
    )


def _task(entry: Mapping[str, Any], where: str, findings: list[Finding]) -> Task:
    when = None
    if "when" in entry:
        try:
            when = parse_when(entry["when"])
        except ValueError as reason:
            findings.append(mistake(f"{where}.when: {reason}.", f"{where}.when"))
    arguments = entry.get("arguments", {})
    artifacts = arguments.get("artifacts", [])
    return Task(
        name=entry["name"],
        template=entry["template"],
        dependencies=_dependencies(entry, where, findings),
        when=when,
        parameters={
            item["name"]: text_of(item["value"]) for item in arguments.get("parameters", [])
        },
        artifacts={item["name"]: item["from"] for item in artifacts if "from" in item},
        raw_artifacts={item["name"]: read_raw(item) or "" for item in artifacts if "raw" in item},
    )


def _dependencies(entry: Mapping[str, Any], where: str, findings: list[Finding]) -> tuple[str, ...]:
    """Read ``dependencies``, and of ``depends`` the form that says the same: names and ``&&``."""
    names = list(entry.get("dependencies", []))
    for name in str(entry.get("depends", "")).split("&&"):
        if name.strip() and not name.strip().replace("-", "").replace("_", "").isalnum():
            findings.append(
                mistake(f"{where}.depends is more than names joined by &&.", f"{where}.depends")
            )
        elif name.strip():
            names.append(name.strip())
    return tuple(names)


def _in_order(tasks: list[Task], where: str, findings: list[Finding]) -> tuple[Task, ...]:
    """Sort tasks so that each stands behind its dependencies, else as in the document."""
    done: dict[str, Task] = {}
    waiting = list(tasks)
    while waiting:
        ready = next((task for task in waiting if set(task.dependencies) <= set(done)), None)
        if ready is None:
            names = ", ".join(task.name for task in waiting)
            findings.append(
                mistake(f"the dependencies of {names} are unknown or a circle.", f"{where}.dag")
            )
            break
        waiting.remove(ready)
        done[ready.name] = ready
    return tuple(done.values())


def _claim(resource: Mapping[str, Any], where: str, findings: list[Finding]) -> Mapping[str, Any]:
    manifest = yaml.safe_load(resource["manifest"])
    at = f"{where}.resource"
    if resource.get("action") not in CLAIM_ACTIONS:
        allowed = ", ".join(CLAIM_ACTIONS)
        findings.append(
            mistake(f"{at}.action is '{resource.get('action')}', not one of {allowed}.", at)
        )
    if not isinstance(manifest, dict) or manifest.get("kind") != "PersistentVolumeClaim":
        findings.append(mistake(f"{at}.manifest is no PersistentVolumeClaim.", f"{at}.manifest"))
        return {}
    return manifest
