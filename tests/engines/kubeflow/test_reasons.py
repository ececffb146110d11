"""What Argo and Kubernetes said on real clusters, and what people read."""

from __future__ import annotations

import pytest

from pipeline.engines.kubeflow.reasons import what_it_waits_for, why_failed

FAILURES = [
    ("OOMKilled (exit code 137)", "", "it ran out of memory (OOMKilled). Raise the memory"),
    (
        "Error (exit code 1): open /mainctrfs/tmp/outputs/last_pt/data: no such file or directory",
        "epoch 1",
        "it was killed before it wrote its outputs, most likely for want of memory. Raise the mem",
    ),
    ("Error (exit code 135)", "", "/dev/shm is too small. Raise the shm size"),
    (
        "Error (exit code 1)",
        "RuntimeError: DataLoader worker (pid 77) is killed by signal: Bus error. It is possible"
        " that dataloader's workers are out of shared memory.",
        "/dev/shm is too small. Raise the shm size",
    ),
    (
        'Error (exit code 1): The PersistentVolumeClaim "pvc-local-cocodata" is invalid: spec: '
        "Forbidden: spec is immutable after creation except resources.requests for bound claims",
        "",
        "the volume claim pvc-local-cocodata exists with another class, mode or size",
    ),
    (
        'Error (exit code 1): persistentvolumeclaims "a" is forbidden: User'
        ' "system:serviceaccount:a:b" cannot create resource "persistentvolumeclaims"',
        "",
        "Kubernetes does not allow it",
    ),
    ("The node was low on resource: ephemeral-storage.", "", "Kubernetes evicted it"),
    ("pod deleted", "", "its pod was deleted. Retry the run."),
    ("Error (exit code 137)", "epoch 3", "it was ended by SIGKILL; its last line: epoch 3"),
    ("Error (exit code 139)", "", "it was ended by SIGSEGV"),
    ("Error (exit code 3)", "data.yaml has no train entry", "data.yaml has no train entry"),
    ("Error (exit code 3)", "", "it ended with exit code 3 and printed nothing"),
    ("something new", "", "something new"),
]
WAITS = [
    ("", "", ""),
    ("PodInitializing", "", ""),
    (
        'ImagePullBackOff: Back-off pulling image "slipway-yolo:0.1.0"',
        "",
        "waits: its image slipway-yolo:0.1.0 cannot be pulled (ImagePullBackOff)",
    ),
    (
        "",
        'Failed: Failed to pull image "a/b:c": ErrImagePull',
        "waits: its image a/b:c cannot be pulled",
    ),
    (
        "Unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
        "",
        "waits: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu. Ask for less",
    ),
    (
        "Unschedulable: 0/1 nodes are available: 1 pod has unbound immediate"
        " PersistentVolumeClaims.",
        "",
        "waits: the volume claim is not bound",
    ),
    (
        "ContainerCreating",
        'FailedAttachVolume: Multi-Attach error for volume "pvc-1"',
        "waits: the volume cannot be mounted",
    ),
    ("something new", "", "waits: something new"),
]


@pytest.mark.parametrize(("node_message", "words", "reason"), FAILURES)
def test_failures_are_put_in_words(node_message: str, words: str, reason: str) -> None:
    assert why_failed(node_message, words).startswith(reason)


@pytest.mark.parametrize(("node_message", "event", "reason"), WAITS)
def test_what_a_step_waits_for_is_put_in_words(node_message: str, event: str, reason: str) -> None:
    shown = what_it_waits_for(node_message, event)
    assert shown.startswith(reason) if reason else shown == ""
