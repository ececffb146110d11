"""What Kubernetes itself tells: why a pod does not start, and what the nodes have."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any

from pipeline.core.errors import InputError, NotFound, SlipwayError
from pipeline.core.launch.placement import NodeCapacity
from pipeline.engines.kubeflow.connect import kubernetes_api
from pipeline.engines.kubeflow.errors import translated

GPU = "nvidia.com/gpu"
_TIMEOUT_S = (2.0, 5.0)
# Many roles may not read nodes or events; ask such a cluster now and then, not at every look.
_LEAVE_ALONE_S = 60.0
_GONE_S = 10.0
_OF_WORKFLOWS = "workflows.argoproj.io/workflow"


class Cluster:
    """Reads pods' events and nodes; whatever it may not read is simply not known.

    Nothing of a run's state comes from here, so an answer that is refused hides nothing.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._making = threading.Lock()
        self._is_made = False
        self._made: Any = None
        self._silent_until: dict[str, float] = {}

    def events(self, pod: str) -> str:
        """Give Kubernetes' last warning about a pod, or an empty text."""

        def ask(api: Any) -> str:
            found = api.list_namespaced_event(
                self._namespace,
                field_selector=f"involvedObject.name={pod},type=Warning",
                _request_timeout=_TIMEOUT_S,
            ).items
            found.sort(key=lambda event: str(event.last_timestamp or event.event_time or ""))
            return f"{found[-1].reason}: {found[-1].message}" if found else ""

        return str(self._ask("events", ask) or "")

    def ended(self, pod: str) -> str:
        """Give Kubernetes' word for how a pod's program ended, such as ``OOMKilled``."""

        def ask(api: Any) -> str:
            found = api.read_namespaced_pod(pod, self._namespace, _request_timeout=_TIMEOUT_S)
            ends = (
                container.state.terminated
                for container in found.status.container_statuses or ()
                if container.name == "main"
            )
            return next((end.reason or "" for end in ends if end), "")

        return str(self._ask("pod", ask) or "")

    def has_ended(self, pod: str) -> bool:
        """Say whether a pod's program has ended or the pod is gone; no when that is not known."""

        def ask(api: Any) -> bool:
            found = api.list_namespaced_pod(
                self._namespace, field_selector=f"metadata.name={pod}", _request_timeout=_TIMEOUT_S
            ).items
            return all(
                container.state.terminated is not None
                for entry in found
                for container in entry.status.container_statuses or ()
                if container.name == "main"
            )

        return bool(self._ask("pods", ask))

    def log(self, pod: str) -> bytes | None:
        """Give what a pod has printed so far; None when it is gone or may not be read."""

        def ask(api: Any) -> bytes:
            answer = api.read_namespaced_pod_log(
                pod,
                self._namespace,
                container="main",
                _preload_content=False,
                _request_timeout=_TIMEOUT_S,
            )
            return bytes(answer.data)

        found: bytes | None = self._ask("logs", ask)
        return found

    def remove_pods(self, pods: Iterable[str]) -> None:
        """Remove pods at once, and wait until Kubernetes has forgotten them.

        A retry starts pods under the names of those that failed. KFP deletes these too, but does
        not wait: Argo may take a pod that just goes for the new one, and then waits for ever.
        """
        left = {pod for pod in pods if self._ask("pods", partial(self._remove, pod))}
        give_up_at = time.monotonic() + _GONE_S
        while left and time.monotonic() < give_up_at:
            left &= self._ask("pods", self._pods) or set()
            time.sleep(0.2 if left else 0)

    def nodes(self) -> tuple[NodeCapacity, ...]:
        """Give the nodes that take pods; empty when they may not be read."""

        def ask(api: Any) -> tuple[NodeCapacity, ...]:
            found = api.list_node(_request_timeout=_TIMEOUT_S).items
            return tuple(_capacity(node) for node in found if not node.spec.unschedulable)

        return self._ask("nodes", ask) or ()

    def _ask(self, what: str, ask: Callable[[Any], Any]) -> Any:
        if time.monotonic() < self._silent_until.get(what, 0.0):
            return None
        try:
            with translated("Kubernetes"):
                api = self._api()
                return ask(api) if api else None
        except (NotFound, InputError):
            return None  # the pod is gone, or not so far
        except SlipwayError:
            self._silent_until[what] = time.monotonic() + _LEAVE_ALONE_S
            return None

    def _remove(self, pod: str, api: Any) -> bool:
        api.delete_namespaced_pod(
            pod, self._namespace, grace_period_seconds=0, _request_timeout=_TIMEOUT_S
        )
        return True

    def _pods(self, api: Any) -> set[str]:
        found = api.list_namespaced_pod(
            self._namespace, label_selector=_OF_WORKFLOWS, _request_timeout=_TIMEOUT_S
        )
        return {pod.metadata.name for pod in found.items}

    def _api(self) -> Any:
        with self._making:
            if not self._is_made:
                self._made = kubernetes_api()
                self._is_made = True
            return self._made


def _capacity(node: Any) -> NodeCapacity:
    from kubernetes.utils.quantity import parse_quantity  # with the client, which is there by now

    has = node.status.allocatable
    return NodeCapacity(
        name=node.metadata.name,
        cpus=float(parse_quantity(has.get("cpu", "0"))),
        mem_gb=float(parse_quantity(has.get("memory", "0")) / Decimal(10**9)),
        gpus=int(has.get(GPU, 0)),
        labels=dict(node.metadata.labels or {}),
        taints=tuple(
            f"{taint.key}={taint.value}:{taint.effect}"
            if taint.value
            else f"{taint.key}:{taint.effect}"
            for taint in node.spec.taints or ()
        ),
    )
