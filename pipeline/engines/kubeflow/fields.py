"""Which fields a workflow may have: a field that Argo does not know would silently do nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.findings import Finding, error
from pipeline.core.imports import IMPORTING


class _Kubernetes(str):
    """Name of a model of the Kubernetes client, which knows its fields."""


_ANY: dict[str, Any] = {}  # a subtree that is not looked into
_VALUE_FROM = dict.fromkeys(
    ("configMapKeyRef", "default", "event", "expression", "jqFilter", "jsonPath", "parameter",
     "path", "supplied"), _ANY
)  # fmt: skip
_PARAMETER = {
    **dict.fromkeys(("name", "value", "default", "description", "enum", "globalName"), _ANY),
    "valueFrom": _VALUE_FROM,
}
_ARTIFACT = dict.fromkeys(
    ("archive", "archiveLogs", "artifactory", "artifactGC", "azure", "deleted", "from",
     "fromExpression", "gcs", "git", "globalName", "hdfs", "http", "mode", "name", "optional",
     "oss", "path", "raw", "recurseMode", "s3", "subPath"), _ANY
)  # fmt: skip
_ARGUMENTS = {"parameters": [_PARAMETER], "artifacts": [_ARTIFACT]}
_TASK = {
    **dict.fromkeys(
        ("name", "template", "templateRef", "dependencies", "depends", "when", "continueOn",
         "hooks", "inline", "onExit", "withItems", "withParam", "withSequence"), _ANY
    ),
    "arguments": _ARGUMENTS,
}  # fmt: skip
_POD = {
    **dict.fromkeys(
        ("affinity", "automountServiceAccountToken", "executor", "hostAliases", "metrics",
         "nodeSelector", "parallelism", "podSpecPatch", "priority", "priorityClassName",
         "retryStrategy", "schedulerName", "serviceAccountName", "synchronization", "archiveLogs",
         "activeDeadlineSeconds"), _ANY
    ),
    "securityContext": _Kubernetes("V1PodSecurityContext"),
    "tolerations": [_Kubernetes("V1Toleration")],
    "volumes": [_Kubernetes("V1Volume")],
}  # fmt: skip
_CONTAINER = _Kubernetes("V1Container")
_TEMPLATE = {
    **_POD,
    **dict.fromkeys(
        ("name", "annotations", "containerSet", "daemon", "data", "failFast", "http", "memoize",
         "metadata", "plugin", "script", "steps", "suspend", "timeout"), _ANY
    ),
    "inputs": _ARGUMENTS,
    "outputs": {**_ARGUMENTS, "result": _ANY, "exitCode": _ANY},
    "container": _CONTAINER,
    "initContainers": _ANY,
    "sidecars": _ANY,
    "resource": dict.fromkeys(
        ("action", "failureCondition", "flags", "manifest", "manifestFrom", "mergeStrategy",
         "setOwnerReference", "successCondition"), _ANY
    ),
    "dag": {"failFast": _ANY, "target": _ANY, "tasks": [_TASK]},
}  # fmt: skip
_WORKFLOW = {
    **dict.fromkeys(("apiVersion", "kind", "metadata", "status"), _ANY),
    "spec": {
        **_POD,
        **dict.fromkeys(
            ("artifactGC", "artifactRepositoryRef", "dnsConfig", "dnsPolicy", "entrypoint", "hooks",
             "hostNetwork", "imagePullSecrets", "onExit", "podDisruptionBudget", "podGC",
             "podMetadata", "podPriority", "podPriorityClassName", "shutdown", "suspend",
             "templateDefaults", "ttlStrategy", "volumeClaimGC", "volumeClaimTemplates",
             "workflowMetadata", "workflowTemplateRef"), _ANY
        ),
        "arguments": _ARGUMENTS,
        "templates": [_TEMPLATE],
    },
}  # fmt: skip


def unknown_fields(workflow: Any) -> list[Finding]:
    """Name every field that neither Argo nor Kubernetes knows, and what has the wrong shape.

    Argo's custom resource keeps unknown fields and ignores them, so the server accepts them.
    """
    return list(_check(workflow, _WORKFLOW, ""))


def _check(value: Any, allowed: Any, path: str) -> Iterator[Finding]:
    if allowed is _ANY or value is None:
        return
    known: Any = _fields_of(allowed) if isinstance(allowed, _Kubernetes) else allowed
    shape = list if isinstance(known, list) else Mapping
    if not isinstance(value, shape):
        kind = "list" if shape is list else "mapping"
        message = f"{path or 'the workflow'} is {type(value).__name__}, not a {kind}."
        yield error("wrong-shape", message, where=path, next="Compile the pipeline again.")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            name = child.get("name", index) if isinstance(child, Mapping) else index
            yield from _check(child, known[0], f"{path}[{name}]")
    else:
        for key, child in value.items():
            where = f"{path}.{key}" if path else str(key)
            if key in known:
                yield from _check(child, known[key], where)
            else:
                message = f"Argo Workflows does not know the field {where}."
                yield error("unknown-field", message, where=where, next="Remove it.")


def _fields_of(model: _Kubernetes) -> dict[str, Any]:
    """Give a model's fields; those that hold further models are looked into."""
    with IMPORTING:
        import kubernetes.client  # most of a second, and only a submit needs it

    kind = getattr(kubernetes.client, model)
    fields: dict[str, Any] = {}
    for attribute, name in kind.attribute_map.items():
        holds = kind.openapi_types[attribute]
        if holds.startswith("list[V1"):
            fields[name] = [_Kubernetes(holds[5:-1])]
        else:
            fields[name] = _Kubernetes(holds) if holds.startswith("V1") else _ANY
    return fields
