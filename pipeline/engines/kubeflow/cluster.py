"""What Kubernetes itself tells: why a pod does not start, and what the nodes have."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pipeline.core.errors import SlipwayError
from pipeline.core.placement import NodeCapacity
from pipeline.engines.kubeflow.connect import kubernetes_api
from pipeline.engines.kubeflow.errors import translated

GPU = "nvidia.com/gpu"
_TIMEOUT_S = (2.0, 5.0)
# Many roles may not read nodes or events; ask such a cluster now and then, not at every look.
_LEAVE_ALONE_S = 60.0


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
        except SlipwayError:
            self._silent_until[what] = time.monotonic() + _LEAVE_ALONE_S
            return None

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
