"""Which fields of an Argo workflow are interpreted, and which are ignored by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.core.findings import Finding, error, info
from pipeline.core.said import said
from pipeline.engines.argo.shape import Shapes, anything


def _ignored(value: Any, path: str) -> Iterator[Finding]:
    """Note that a field is there for nothing."""
    yield info("ignored", said("{path} has no effect on this machine.", path=path), where=path)


USED, IGNORED = anything, _ignored

_POD: dict[str, Any] = {
    "nodeSelector": IGNORED,
    "tolerations": IGNORED,
    "affinity": IGNORED,
    "serviceAccountName": IGNORED,
    "metadata": IGNORED,
    "securityContext": IGNORED,
}
_ARGUMENTS = {
    "parameters": [{"name": USED, "value": USED}],
    "artifacts": [{"name": USED, "from": USED, "raw": {"data": USED}}],
}
_CONTAINER = {
    "name": IGNORED,
    "image": IGNORED,
    "imagePullPolicy": IGNORED,
    "securityContext": IGNORED,
    "command": USED,
    "args": USED,
    "env": [
        {
            "name": USED,
            "value": USED,
            "valueFrom": {"secretKeyRef": {"name": USED, "key": USED, "optional": USED}},
        }
    ],
    "resources": {"limits": USED, "requests": USED},
    "volumeMounts": [{"name": USED, "mountPath": USED, "readOnly": IGNORED}],
}
_TEMPLATE = {
    **_POD,
    "name": USED,
    "activeDeadlineSeconds": USED,
    "inputs": {
        "parameters": [{"name": USED, "value": USED, "default": USED}],
        "artifacts": [
            {"name": USED, "path": USED, "raw": {"data": USED}, "optional": USED, "mode": IGNORED}
        ],
    },
    "outputs": {
        "parameters": [
            {
                "name": USED,
                "valueFrom": {"path": USED, "default": USED, "jsonPath": USED, "parameter": USED},
            }
        ],
        "artifacts": [
            # Here files are handed on as they are; any other archive is refused.
            {"name": USED, "path": USED, "from": USED, "optional": USED, "archive": {"none": USED}}
        ],
    },
    "container": _CONTAINER,
    "resource": {"action": USED, "manifest": USED},
    "dag": {
        "tasks": [
            {
                "name": USED,
                "template": USED,
                "dependencies": USED,
                "depends": USED,
                "when": USED,
                "arguments": _ARGUMENTS,
            }
        ]
    },
    "volumes": [
        {
            "name": USED,
            "emptyDir": {"medium": USED, "sizeLimit": IGNORED},
            "persistentVolumeClaim": {"claimName": USED, "readOnly": IGNORED},
        }
    ],
}
_WORKFLOW = {
    "apiVersion": USED,
    "kind": USED,
    "metadata": USED,
    "spec": {
        **_POD,
        "entrypoint": USED,
        "onExit": USED,
        "arguments": _ARGUMENTS,
        "templates": [_TEMPLATE],
    },
}


def check_fields(workflow: Any) -> Iterator[Finding]:
    """Name every field that is not interpreted: unknown ones as errors, ignored ones as notes."""
    return Shapes(_unknown).check(workflow, _WORKFLOW)


def mistake(message: str, where: str) -> Finding:
    """Make the finding that stands against a document."""
    return error(
        "not-supported",
        message,
        where=where,
        next=said("Change the pipeline, or run this workflow on the kubeflow engine."),
    )


def _unknown(where: str) -> Finding:
    return error(
        "unknown-field",
        said("the local engine does not know the field {where}.", where=where),
        where=where,
        next=said("Remove it, or run this workflow on the kubeflow engine."),
    )
