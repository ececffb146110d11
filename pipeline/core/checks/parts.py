"""Which part of a launch each finding is about, and how each part stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pipeline.core.findings import Finding

Part = Literal["files", "labels", "splits", "cfg", "resources", "sweep"]
Worst = Literal["error", "warning", ""]
ALWAYS: tuple[Part, ...] = ("files", "labels", "splits", "cfg", "resources")
_BY_CODE: tuple[tuple[tuple[str, ...], Part], ...] = (
    (("sweep-",), "sweep"),
    (("split-", "no-test-split"), "splits"),
    (("label-", "class-", "classify-", "names-"), "labels"),
)
_RESOURCES = ("gpus", "cpus", "mem_gb", "shm_size", "node_selector", "tolerations")


def part_of(finding: Finding) -> Part:
    """Give the part of a launch that a finding is about."""
    for codes, part in _BY_CODE:
        if finding.code.startswith(codes):
            return part
    if finding.where.startswith(("overrides", "cfg")):
        return "cfg"
    return "resources" if finding.where in _RESOURCES else "files"


def worst_by_part(findings: Iterable[Finding]) -> dict[Part, Worst]:
    """Give the worst severity of each part that is looked at; empty when all is well.

    That of the sweep is there only when something is said about it.
    """
    worst: dict[Part, Worst] = dict.fromkeys(ALWAYS, "")
    for finding in findings:
        part = part_of(finding)
        before = worst.setdefault(part, "")
        if finding.severity == "error" or (finding.severity == "warning" and not before):
            worst[part] = finding.severity
    return worst
