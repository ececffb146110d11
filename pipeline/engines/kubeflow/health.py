"""What `doctor` says of Kubeflow: whether it answers, and whether runs would get what they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.core.errors import EngineUnreachable, InputError, NotFound, SlipwayError
from pipeline.core.launch.placement import NodeCapacity
from pipeline.core.launch.pod_settings import check_pod_settings, document_tracking_uri
from pipeline.core.said import joined, said, sentences
from pipeline.core.settings import Settings
from pipeline.engines.kubeflow.connect import Kfp, kubernetes_api
from pipeline.engines.kubeflow.errors import translated
from pipeline.engines.kubeflow.server import Server

_TIMEOUT_S = (2.0, 5.0)


def check_api(settings: Settings, kfp: Kfp, server: Server) -> str:
    """Ask the KFP API for its version, and for runs, which wants credentials and the namespace.

    Raises
    ------
    EngineUnreachable
        It does not answer, or not to us.
    """
    health = kfp.get("v1beta1/healthz")
    version = health.get("tag_name") or health.get("commit_sha") or "of unknown version"
    server.page(size=1)
    known = {"version": version, "address": kfp.endpoint}
    if not health.get("multi_user"):
        return said("KFP {version} at {address} answers", **known)
    return said(
        "KFP {version} at {address} answers for namespace {namespace}",
        **known,
        namespace=settings.kfp_namespace,
    )


def check_claim(settings: Settings) -> str:
    """Compare the claim with the settings; what may not be read is no mistake.

    Raises
    ------
    InputError
        Runs would fail in their first step, or never get a volume.
    """
    api = kubernetes_api()
    if api is None:
        return said("not looked at: there is neither a pod's account nor a kubeconfig here.")
    name, namespace = settings.pvc_name, settings.kfp_namespace
    try:
        with translated("Kubernetes"):
            claim = api.read_namespaced_persistent_volume_claim(
                name, namespace, _request_timeout=_TIMEOUT_S
            )
    except NotFound:
        _check_namespace(api, namespace)
        return said(
            "'{name}' is not there yet in namespace {namespace}; the first run makes it.",
            name=name,
            namespace=namespace,
        )
    except EngineUnreachable as reason:
        return said("not looked at: {reason}", reason=reason.message)
    differs = _differences(settings, claim.spec)
    if differs:
        raise InputError(
            said(
                "the claim '{name}' has {differs}. Kubernetes refuses to change that, and"
                " every run would fail in volume-mount.",
                name=name,
                differs=joined(differs),
            ),
            next=said(
                "Make the settings say what the claim has, or name another claim"
                " (SLIPWAY_PVC_NAME)."
            ),
        )
    phase = claim.status.phase
    if phase == "Lost":
        raise InputError(
            said("the claim '{name}' has lost its volume.", name=name),
            next=said(
                "Look at it with 'kubectl -n {namespace} describe pvc {name}'.",
                namespace=namespace,
                name=name,
            ),
        )
    return said(
        "'{name}' in namespace {namespace} is as the settings say, {phase}.",
        name=name,
        namespace=namespace,
        phase=phase,
    )


def check_pods(settings: Settings) -> str:
    """Look at what pods are told of MLflow.

    Raises
    ------
    SlipwayError
        They cannot reach it.
    """
    settings = replace(settings, engine="kubeflow")
    found = check_pod_settings(settings)
    for finding in found:
        if finding.code == "tracking-not-for-pods":
            raise SlipwayError(finding.message, where=finding.where, next=finding.next)
    hints = sentences(*(text for finding in found for text in (finding.message, finding.next)))
    return hints or said("they track to {address}.", address=document_tracking_uri(settings))


def count_nodes(nodes: Sequence[NodeCapacity]) -> str:
    """Say what the nodes have together; none are those that may not be read."""
    if not nodes:
        return said("may not be read, so a launch is not compared with them.")
    gpus, cpus = sum(node.gpus for node in nodes), sum(node.cpus for node in nodes)
    return said(
        "{count} that take pods, with {gpus} GPUs and {cpus:g} CPUs in all.",
        count=len(nodes),
        gpus=gpus,
        cpus=cpus,
    )


def _check_namespace(api: Any, namespace: str) -> None:
    try:
        with translated("Kubernetes"):
            api.read_namespace(namespace, _request_timeout=_TIMEOUT_S)
    except NotFound as reason:
        raise InputError(
            said("there is no namespace '{namespace}'.", namespace=namespace),
            where="KFP_NAMESPACE",
            next=said("Set KFP_NAMESPACE to the one in which runs have their pods."),
        ) from reason
    except SlipwayError:
        return  # most accounts may not read namespaces


def _differences(settings: Settings, spec: Any) -> list[str]:
    from kubernetes.utils.quantity import parse_quantity  # with the client, which is there by now

    found = []
    if spec.storage_class_name != settings.pvc_storage_class:
        found.append(
            f"class '{spec.storage_class_name}', not '{settings.pvc_storage_class}'"
            " (SLIPWAY_PVC_STORAGE_CLASS)"
        )
    if spec.access_modes != [settings.pvc_access_mode]:
        modes = ", ".join(spec.access_modes)
        found.append(f"mode {modes}, not {settings.pvc_access_mode} (SLIPWAY_PVC_ACCESS_MODE)")
    size = spec.resources.requests["storage"]
    if parse_quantity(size) > parse_quantity(settings.pvc_size):
        found.append(f"size {size}, more than {settings.pvc_size} (SLIPWAY_PVC_SIZE)")
    return found
