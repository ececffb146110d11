"""Where the heavy steps may run: node selector, tolerations, and what the nodes have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.core.errors import UsageError
from pipeline.core.findings import Finding, error
from pipeline.core.launch.choices import Choices
from pipeline.core.said import said

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_PART = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_PREFIX = r"(?=[^/]{1,253}/)[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/"
_KEY = re.compile(rf"(?:{_PREFIX})?{_PART}")
_VALUE = re.compile(rf"(?:{_PART})?")


@dataclass(frozen=True)
class Taint:
    """A taint of a node, or the toleration of one; without a value it tolerates every value."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True)
class NodeCapacity:
    """What a node has for pods.

    Parameters
    ----------
    name
        The node's name.
    cpus, mem_gb, gpus
        Allocatable; memory in GB (10⁹ bytes).
    labels
        The node's labels.
    taints
        As ``kubectl describe node`` writes them: ``key=value:NoSchedule`` or ``key:NoSchedule``.
    """

    name: str
    cpus: float
    mem_gb: float
    gpus: int
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] = ()


def parse_toleration(text: str) -> Taint:
    """Read ``KEY[=VALUE]:EFFECT``.

    Raises
    ------
    UsageError
        It is not one.
    """
    named, colon, effect = text.rpartition(":")
    key, _, value = named.partition("=")
    if not (colon and effect in EFFECTS and _KEY.fullmatch(key) and _VALUE.fullmatch(value)):
        raise UsageError(
            said("'{value}' is not a toleration.", value=text),
            where="tolerations",
            next=said(
                "Write KEY=VALUE:EFFECT or KEY:EFFECT; effects are {names}.",
                names=", ".join(EFFECTS),
            ),
        )
    return Taint(key, value, effect)


def check_selection(choices: Choices) -> list[Finding]:
    """Find selectors and tolerations that Kubernetes would refuse."""
    findings = []
    for key, value in choices.node_selector.items():
        if not (_KEY.fullmatch(str(key)) and _VALUE.fullmatch(str(value))):
            findings.append(
                error(
                    "node-selector",
                    said("'{key}={value}' is not a node label.", key=key, value=value),
                    where="node_selector",
                    next=said(
                        "Write KEY=VALUE, such as disk=ssd; 'kubectl get nodes --show-labels' "
                        "shows what there is."
                    ),
                )
            )
    for text in choices.tolerations:
        try:
            parse_toleration(text)
        except UsageError as reason:
            findings.append(
                error("toleration", reason.message, where="tolerations", next=reason.next)
            )
    return findings


def check_placement(choices: Choices, nodes: Sequence[NodeCapacity]) -> list[Finding]:
    """Find what no node of the cluster can give to train, test and tune.

    Parameters
    ----------
    nodes
        All nodes; without any nothing is said.
    """
    if not nodes or check_selection(choices):
        return []
    selected = [node for node in nodes if choices.node_selector.items() <= node.labels.items()]
    if not selected:
        return [_no_such_labels(choices, nodes)]
    allowed = [node for node in selected if not _repelling(choices, node)]
    if not allowed:
        return [_all_tainted(choices, selected)]
    return _check_capacity(choices, allowed)


def _no_such_labels(choices: Choices, nodes: Sequence[NodeCapacity]) -> Finding:
    wanted = ", ".join(f"{key}={value}" for key, value in choices.node_selector.items())
    there = [
        f"{key}={value}"
        for key in choices.node_selector
        for value in sorted({node.labels[key] for node in nodes if key in node.labels})
    ]
    next_step = (
        said("There is {names}.", names=", ".join(there[:10]))
        if there
        else said("No node has this label.")
    )
    message = said("no node has the labels {wanted}; the run would wait for ever.", wanted=wanted)
    return error("no-such-node", message, where="node_selector", next=next_step)


def _all_tainted(choices: Choices, nodes: Sequence[NodeCapacity]) -> Finding:
    taints = sorted({taint for node in nodes for taint in _repelling(choices, node)})
    return error(
        "nodes-tainted",
        said(
            "every node that fits is tainted: {names}; the run would wait for ever.",
            names=", ".join(taints[:10]),
        ),
        where="tolerations",
        next=said("Tolerate it (--toleration {taint}), or choose other nodes.", taint=taints[0]),
    )


def _repelling(choices: Choices, node: NodeCapacity) -> list[str]:
    """Give the taints that keep the pods off the node."""
    tolerations = [parse_toleration(text) for text in choices.tolerations]
    return [text for text in node.taints if not _is_tolerated(text, tolerations)]


def _is_tolerated(text: str, tolerations: Iterable[Taint]) -> bool:
    named, _, effect = text.rpartition(":")
    key, _, value = named.partition("=")
    if effect == "PreferNoSchedule":
        return True
    return any(
        entry.key == key and entry.effect == effect and entry.value in ("", value)
        for entry in tolerations
    )


def _check_capacity(choices: Choices, nodes: Sequence[NodeCapacity]) -> list[Finding]:
    asked = {"gpus": choices.gpus, "cpus": choices.cpus, "mem_gb": choices.mem_gb}
    if any(all(getattr(node, name) >= n for name, n in asked.items()) for node in nodes):
        return []
    findings = []
    for name, number in asked.items():
        most = max(nodes, key=lambda node: float(getattr(node, name)))
        there = getattr(most, name)
        if number > there:
            findings.append(
                error(
                    "node-too-small",
                    said(
                        "{name} is {number}; the node with most that may be used, {node}, has "
                        "{there:g}.",
                        name=name,
                        number=number,
                        node=most.name,
                        there=there,
                    ),
                    where=name,
                    next=said("Ask for {there} or less.", there=int(there)),
                )
            )
    if findings:
        return findings
    both = ", ".join(f"{name} {number}" for name, number in asked.items() if number)
    message = said("no single node that may be used has all of it: {both}.", both=both)
    return [
        error("node-too-small", message, where="gpus", next=said("Ask for less of one of them."))
    ]
