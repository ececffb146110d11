"""How much time and memory a step may take: what its document says, else what the settings say."""

from __future__ import annotations

from pipeline.engines.argo.plan import Template
from pipeline.engines.local.queue.rows import RunRow
from pipeline.engines.local.steps.processes import Limits


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
