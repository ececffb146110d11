"""How much time and memory a step may take: what its document says, else what the settings say."""

from __future__ import annotations

import re

from pipeline.engines.local.plan import Template
from pipeline.engines.local.processes import Limits
from pipeline.engines.local.rows import RunRow

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate("KMGT", start=1)}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([kMGT]|[KMGT]i|)")


def limits_of(run: RunRow, template: Template, grace_s: float) -> Limits:
    """Give the limits of a step; those of the settings are as they were when it was launched."""
    container = template.container
    timeout_s = container.timeout_s if container else None
    mem_bytes = container.mem_bytes if container else None
    if timeout_s is None and run.settings.get("SLIPWAY_STEP_TIMEOUT_S"):
        timeout_s = float(run.settings["SLIPWAY_STEP_TIMEOUT_S"])
    if mem_bytes is None and run.settings.get("SLIPWAY_STEP_MEM_GB"):
        mem_bytes = int(run.settings["SLIPWAY_STEP_MEM_GB"]) * 10**9
    return Limits(grace_s, timeout_s, mem_bytes)


def read_quantity(text: str) -> int | None:
    """Read an amount of memory as Kubernetes writes it, such as ``16G`` or ``512Mi``, in bytes."""
    match = _QUANTITY.fullmatch(text)
    return int(float(match[1]) * _UNITS[match[2]]) if match else None
