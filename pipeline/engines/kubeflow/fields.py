"""Which fields a workflow may have: a field that Argo does not know would silently do nothing."""

from __future__ import annotations

from typing import Any

from pipeline.core.findings import Finding, error
from pipeline.core.imports import IMPORTING
from pipeline.core.said import said
from pipeline.engines.argo.shape import Shape, Shapes, anything


def _model(name: str) -> Shape:
    """Give the shape of a model of the Kubernetes client, which knows its fields."""
    return lambda value, path: _SHAPES.check(value, _fields_of(name), path)


_VALUE_FROM = dict.fromkeys(
    ("configMapKeyRef", "default", "event", "expression", "jqFilter", "jsonPath", "parameter",
     "path", "supplied"), anything
)  # fmt: skip
_PARAMETER = {
    **dict.fromkeys(("name", "value", "default", "description", "enum", "globalName"), anything),
    "valueFrom": _VALUE_FROM,
}
_ARTIFACT = dict.fromkeys(
    ("archive", "archiveLogs", "artifactory", "artifactGC", "azure", "deleted", "from",
     "fromExpression", "gcs", "git", "globalName", "hdfs", "http", "mode", "name", "optional",
     "oss", "path", "raw", "recurseMode", "s3", "subPath"), anything
)  # fmt: skip
_ARGUMENTS = {"parameters": [_PARAMETER], "artifacts": [_ARTIFACT]}
_TASK = {
    **dict.fromkeys(
        ("name", "template", "templateRef", "dependencies", "depends", "when", "continueOn",
         "hooks", "inline", "onExit", "withItems", "withParam", "withSequence"), anything
    ),
    "arguments": _ARGUMENTS,
}  # fmt: skip
_POD = {
    **dict.fromkeys(
        ("affinity", "automountServiceAccountToken", "executor", "hostAliases", "metrics",
         "nodeSelector", "parallelism", "podSpecPatch", "priority", "priorityClassName",
         "retryStrategy", "schedulerName", "serviceAccountName", "synchronization", "archiveLogs",
         "activeDeadlineSeconds"), anything
    ),
    "securityContext": _model("V1PodSecurityContext"),
    "tolerations": [_model("V1Toleration")],
    "volumes": [_model("V1Volume")],
}  # fmt: skip
_CONTAINER = _model("V1Container")
_TEMPLATE = {
    **_POD,
    **dict.fromkeys(
        ("name", "annotations", "containerSet", "daemon", "data", "failFast", "http", "memoize",
         "metadata", "plugin", "script", "steps", "suspend", "timeout"), anything
    ),
    "inputs": _ARGUMENTS,
    "outputs": {**_ARGUMENTS, "result": anything, "exitCode": anything},
    "container": _CONTAINER,
    "initContainers": anything,
    "sidecars": anything,
    "resource": dict.fromkeys(
        ("action", "failureCondition", "flags", "manifest", "manifestFrom", "mergeStrategy",
         "setOwnerReference", "successCondition"), anything
    ),
    "dag": {"failFast": anything, "target": anything, "tasks": [_TASK]},
}  # fmt: skip
_WORKFLOW = {
    **dict.fromkeys(("apiVersion", "kind", "metadata", "status"), anything),
    "spec": {
        **_POD,
        **dict.fromkeys(
            ("artifactGC", "artifactRepositoryRef", "dnsConfig", "dnsPolicy", "entrypoint", "hooks",
             "hostNetwork", "imagePullSecrets", "onExit", "podDisruptionBudget", "podGC",
             "podMetadata", "podPriority", "podPriorityClassName", "shutdown", "suspend",
             "templateDefaults", "ttlStrategy", "volumeClaimGC", "volumeClaimTemplates",
             "workflowMetadata", "workflowTemplateRef"), anything
        ),
        "arguments": _ARGUMENTS,
        "templates": [_TEMPLATE],
    },
}  # fmt: skip


def unknown_fields(workflow: Any) -> list[Finding]:
    """Name every field that neither Argo nor Kubernetes knows, and what has the wrong shape.

    Argo's custom resource keeps unknown fields and ignores them, so the server accepts them.
    """
    return list(_SHAPES.check(workflow, _WORKFLOW))


def _unknown(where: str) -> Finding:
    message = said("Argo Workflows does not know the field {where}.", where=where)
    return error("unknown-field", message, where=where, next=said("Remove it."))


_SHAPES = Shapes(_unknown, may_be_null=True)


def _fields_of(model: str) -> dict[str, Any]:
    """Give a model's fields; those that hold further models are looked into."""
    with IMPORTING:
        import kubernetes.client  # most of a second, and only a submit needs it

    kind = getattr(kubernetes.client, model)
    fields: dict[str, Any] = {}
    for attribute, name in kind.attribute_map.items():
        holds = kind.openapi_types[attribute]
        if holds.startswith("list[V1"):
            fields[name] = [_model(holds[5:-1])]
        else:
            fields[name] = _model(holds) if holds.startswith("V1") else anything
    return fields
