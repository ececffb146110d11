"""Node selector, tolerations, and what the nodes of a cluster can give."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.checks.resources import (
    NodeCapacity,
    check_placement,
    check_resources,
    check_sizes,
)
from pipeline.core.errors import UsageError
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.placement import EFFECTS, Taint, check_selection, parse_toleration
from pipeline.core.volume.paths import Volume

CPU = NodeCapacity("cpu", cpus=8, mem_gb=16, gpus=0, labels={"disk": "ssd"})
GPU = NodeCapacity(
    "gpu", 4, 64, 2, {"disk": "hdd", "gpu": "a100"}, ("nvidia.com/gpu=present:NoSchedule",)
)


def codes(choices: Choices, *nodes: NodeCapacity) -> list[str]:
    return [finding.code for finding in check_placement(choices, nodes)]


@pytest.mark.parametrize(
    ("text", "taint"),
    [
        ("nvidia.com/gpu:NoSchedule", Taint("nvidia.com/gpu", "", "NoSchedule")),
        ("team=vision:NoExecute", Taint("team", "vision", "NoExecute")),
        ("team=:PreferNoSchedule", Taint("team", "", "PreferNoSchedule")),
    ],
)
def test_tolerations_are_written_as_kubectl_writes_taints(text: str, taint: Taint) -> None:
    assert parse_toleration(text) == taint


@given(st.text(max_size=30))
def test_any_other_text_is_no_toleration_and_says_what_is(text: str) -> None:
    try:
        taint = parse_toleration(text)
    except UsageError as reason:
        assert "NoSchedule" in reason.next
    else:
        assert taint.key and taint.effect in EFFECTS


@pytest.mark.parametrize(
    "text", ["", "gpu", ":NoSchedule", "gpu:Never", "a b:NoSchedule", "k=v w:NoExecute"]
)
def test_a_wrong_toleration_is_a_finding(text: str) -> None:
    (finding,) = check_sizes(Choices(tolerations=(text,)))
    assert (finding.severity, finding.where) == ("error", "tolerations")
    assert f"'{text}'" in finding.message


@pytest.mark.parametrize(
    ("key", "value"),
    [("", "x"), ("a b", "x"), ("a", "x y"), ("/a", "x"), ("A/b/c", "x"), ("a", "x" * 64)],
)
def test_a_wrong_label_is_a_finding(key: str, value: str) -> None:
    (finding,) = check_selection(Choices(node_selector={key: value}))
    assert (finding.code, finding.where) == ("node-selector", "node_selector")


@pytest.mark.parametrize("key", ["disk", "node.kubernetes.io/instance-type", "a_b.C-1"])
def test_labels_as_kubernetes_has_them_are_fine(key: str) -> None:
    assert check_selection(Choices(node_selector={key: ""})) == []


def test_what_fits_one_node_is_fine() -> None:
    assert codes(Choices(cpus=8, mem_gb=16), CPU, GPU) == []
    tolerant = Choices(gpus=2, mem_gb=64, tolerations=("nvidia.com/gpu:NoSchedule",))
    assert codes(tolerant, CPU, GPU) == []
    assert codes(Choices(gpus=99)) == []  # nothing is known of the nodes


def test_labels_that_no_node_has_are_an_error_that_names_those_there_are() -> None:
    (finding,) = check_placement(Choices(node_selector={"disk": "tape"}), [CPU, GPU])
    assert finding.code == "no-such-node"
    assert "disk=hdd, disk=ssd" in finding.next


def test_a_taint_is_named_with_the_option_that_tolerates_it() -> None:
    (finding,) = check_placement(Choices(node_selector={"gpu": "a100"}), [CPU, GPU])
    assert finding.code == "nodes-tainted"
    assert "--toleration nvidia.com/gpu=present:NoSchedule" in finding.next
    other = Choices(node_selector={"gpu": "a100"}, tolerations=("nvidia.com/gpu=no:NoSchedule",))
    assert codes(other, GPU) == ["nodes-tainted"]


def test_a_preference_keeps_nobody_off() -> None:
    assert codes(Choices(cpus=1), NodeCapacity("n", 2, 4, 0, {}, ("a=b:PreferNoSchedule",))) == []


def test_more_than_any_node_has_is_an_error_for_each_resource() -> None:
    choices = Choices(gpus=1, cpus=16, mem_gb=32)
    found = check_placement(choices, [CPU, GPU])
    assert [finding.where for finding in found] == ["gpus", "cpus", "mem_gb"]
    assert "the node with most that may be used, cpu, has 8" in found[1].message


def test_what_only_two_nodes_together_have_is_an_error() -> None:
    tolerant = Choices(gpus=1, cpus=8, tolerations=("nvidia.com/gpu:NoSchedule",))
    (finding,) = check_placement(tolerant, [CPU, GPU])
    assert "gpus 1, cpus 8" in finding.message


def test_shared_memory_counts_against_the_memory_limit() -> None:
    def found(shm: str, mem_gb: int) -> list[str]:
        findings = check_resources(
            Volume(Path("/")), Choices(shm_size=shm, mem_gb=mem_gb), {}, None
        )
        return [finding.where for finding in findings if finding.code == "shm-over-memory"]

    assert found("8Gi", 8) == ["mem_gb"]
    assert found("7Gi", 8) == found("8Gi", 0) == []
