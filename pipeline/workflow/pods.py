"""What the pod of a step is besides its program: volumes, environment, resources, placement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubernetes.client import (
    V1EmptyDirVolumeSource,
    V1EnvVar,
    V1EnvVarSource,
    V1SecretKeySelector,
    V1Toleration,
    V1Volume,
)

from pipeline.core.addresses import bare
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.placement import parse_toleration
from pipeline.core.launch.pod_settings import document_tracking_uri
from pipeline.core.settings import Settings

MOUNT = "/data"
SHM = "/dev/shm"
OUTPUTS = "/tmp/outputs"  # kfp 1.8 writes the paths of outputs below it
WEBHOOK = ("SLIPWAY_WEBHOOK_URL",)
CREDENTIALS = (
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
)
_NEVER_CACHED = "P0D"


def add_volumes(op: Any, volume: Any, choices: Choices) -> None:
    """Mount the claim and shared memory.

    Always the claim's own volume: ``.pvolume`` of an op with two volumes is None, and adding that
    makes a volume without a source.
    """
    source = V1EmptyDirVolumeSource(medium="Memory", size_limit=choices.shm_size)
    op.add_pvolumes({MOUNT: volume, SHM: V1Volume(name="shm", empty_dir=source)})
    _add_variable(op, "SLIPWAY_VOLUME", MOUNT)


def add_weights_allow(op: Any, settings: Settings) -> None:
    """Say what weights may use; of the installation, not of the run: no parameter changes it."""
    if settings.weights_allow:
        _add_variable(op, "SLIPWAY_WEIGHTS_ALLOW", ",".join(settings.weights_allow))


def add_outputs(op: Any) -> None:
    """Write outputs to a volume, where Argo takes files as they are.

    From the image's own layer it takes tarballs only, and its executor need not have ``tar``.
    """
    op.add_pvolumes({OUTPUTS: V1Volume(name="outputs", empty_dir=V1EmptyDirVolumeSource())})


def add_tracking(op: Any, settings: Settings) -> None:
    """Say where MLflow and its artifacts are; who may write there comes from the Secret."""
    uri = document_tracking_uri(settings)
    if uri:
        _add_variable(op, "MLFLOW_TRACKING_URI", uri)
    if settings.s3_endpoint_url:
        _add_variable(op, "MLFLOW_S3_ENDPOINT_URL", bare(settings.s3_endpoint_url))
    add_secrets(op, settings, CREDENTIALS)


def add_secrets(op: Any, settings: Settings, keys: Iterable[str]) -> None:
    """Take variables from the Secret, if it exists and has them: documents are shown and stored."""
    for key in keys:
        selector = V1SecretKeySelector(name=settings.secret_name, key=key, optional=True)
        source = V1EnvVarSource(secret_key_ref=selector)
        op.container.add_env_variable(V1EnvVar(name=key, value_from=source))


def add_resources(op: Any, choices: Choices) -> None:
    """Ask for GPUs, CPUs and memory, on nodes that are chosen."""
    if choices.gpus:
        op.container.set_gpu_limit(choices.gpus)
    if choices.cpus:
        op.container.set_cpu_request(str(choices.cpus))
        # Without it, torch starts a thread for each of the node's CPUs, whoever has them.
        _add_variable(op, "OMP_NUM_THREADS", str(choices.cpus))
    if choices.mem_gb:
        op.container.set_memory_request(f"{choices.mem_gb}G")
        op.container.set_memory_limit(f"{choices.mem_gb}G")
    for key, value in choices.node_selector.items():
        op.add_node_selector_constraint(key, value)
    for text in choices.tolerations:
        taint = parse_toleration(text)
        operator = "Equal" if taint.value else "Exists"
        op.add_toleration(
            V1Toleration(
                key=taint.key, operator=operator, value=taint.value or None, effect=taint.effect
            )
        )


def finished(op: Any) -> Any:
    """Switch caching off, and pulling of images that a node has."""
    op.execution_options.caching_strategy.max_cache_staleness = _NEVER_CACHED
    op.container.set_image_pull_policy("IfNotPresent")
    return op


def _add_variable(op: Any, name: str, value: str) -> None:
    op.container.add_env_variable(V1EnvVar(name=name, value=value))
