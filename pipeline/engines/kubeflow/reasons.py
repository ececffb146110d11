"""What Kubernetes, Argo and a dying process say, in one sentence with what to do."""

from __future__ import annotations

import re

from pipeline.core.said import said

_RULES: tuple[tuple[str, str], ...] = (
    (
        r"OOMKilled",
        said(
            "it ran out of memory (OOMKilled). Raise the memory, or lower batch, imgsz or workers."
        ),
    ),
    (
        # Argo 3.3 takes a signal for an end without error, and then misses the outputs.
        r"/tmp/outputs/\S+: no such file or directory",
        said(
            "it was killed before it wrote its outputs, most likely for want of memory. Raise the"
            " memory, or lower batch, imgsz or workers."
        ),
    ),
    (
        r"exit code 135|Bus error|SIGBUS|shared memory \(shm\)|/dev/shm.*No space left",
        said("/dev/shm is too small. Raise the shm size, or lower workers or batch."),
    ),
    (
        r"(?P<what>ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull)",
        said(
            "its image{image} cannot be pulled ({what})."
            " Build and push it, or correct SLIPWAY_IMAGE_LIGHT or SLIPWAY_IMAGE_YOLO."
        ),
    ),
    (
        r"PersistentVolumeClaim.*(is invalid|[Ff]orbidden|immutable)",
        said(
            "the volume claim{name} exists with another class, mode or size, and Kubernetes refuses"
            " to change it. Set SLIPWAY_PVC_STORAGE_CLASS, SLIPWAY_PVC_ACCESS_MODE and"
            " SLIPWAY_PVC_SIZE as the claim has them, or name another claim."
        ),
    ),
    (
        r"unbound immediate PersistentVolumeClaims|persistentvolumeclaim.*not found"
        r"|WaitForFirstConsumer|ProvisioningFailed|storageclass.*not found",
        said(
            "the volume claim{name} is not bound."
            " Check its storage class (SLIPWAY_PVC_STORAGE_CLASS) and that a volume is free."
        ),
    ),
    (
        r"FailedMount|FailedAttachVolume|Multi-Attach|MountVolume",
        said(
            "the volume cannot be mounted: {text}. Check the claim; a ReadWriteOnce volume serves"
            " one node at a time."
        ),
    ),
    (
        r"(?:Unschedulable: )?(?P<what>\d+/\d+ nodes are available:? .*?)\.?$",
        said("{what}. Ask for less, or change node selector and tolerations."),
    ),
    (
        r"Evicted|low on resource|exceeds? the total limit|local ephemeral storage",
        said(
            "Kubernetes evicted it: {text}. Free the node's disk or memory, or ask for more memory;"
            " then retry."
        ),
    ),
    (
        r"CreateContainerConfigError|(?:secret|configmap) \"?\S+\"? not found",
        said("its container cannot be configured: {text}. Create what is missing, then retry."),
    ),
    (
        r"pod deleted|NodeLost|[Nn]ode .*(?:lost|shutdown)",
        said("its pod was deleted. Retry the run."),
    ),
    (
        r"serviceaccount.*not found|cannot create resource|is forbidden",
        said("Kubernetes does not allow it: {text}. Have the role of the service account widened."),
    ),
)
_SIGNALS = {134: "SIGABRT", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}
# What Argo says of a pod that just comes up.
_PLAIN = re.compile(r"(PodInitializing|ContainerCreating|)")
_EXIT = re.compile(r"Error \(exit code (\d+)\)")


def explain(text: str) -> str:
    """Give the sentence for a known cause, or an empty text.

    Parameters
    ----------
    text
        A node's message, a pod's event, or the last line of a log.
    """
    flat = " ".join(text.split())
    for pattern, sentence in _RULES:
        match = re.search(pattern, flat)
        if match:
            return said(
                sentence,
                what=match.groupdict().get("what", ""),
                text=flat[:300].rstrip("."),
                image=_quoted(r'image "?\\?"?([^\s"\\]+)', flat),
                name=_quoted(r'(?i)persistentvolumeclaim "?([a-z0-9][-a-z0-9.]*)"?', flat),
            )
    return ""


def why_failed(node_message: str, words: str, ended: str = "") -> str:
    """Say why a step failed.

    Parameters
    ----------
    node_message
        What Argo says of its node.
    words
        The step's own words: its failure, or the last line of its log.
    ended
        What Kubernetes says of its container's end.
    """
    known = explain(ended) or explain(node_message) or explain(words)
    if known:
        return known
    match = _EXIT.search(node_message)
    code = int(match[1]) if match else 0
    if code in _SIGNALS:
        name = _SIGNALS[code]
        if words:
            return said("it was ended by {signal}; its last line: {line}", signal=name, line=words)
        return said("it was ended by {signal}", signal=name)
    if words:
        return words
    if code:
        return said("it ended with exit code {code} and printed nothing", code=code)
    return node_message


def what_it_waits_for(node_message: str, events: str) -> str:
    """Say what a step that does not start waits for; empty while its pod just comes up."""
    known = explain(node_message) or explain(events)
    if known:
        return said("waits: {reason}", reason=known)
    if _PLAIN.fullmatch(node_message):
        return ""
    return said("waits: {reason}", reason=node_message)


def _quoted(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return f" {match[1]}" if match else ""
