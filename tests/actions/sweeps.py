"""Plans of small sweeps, and what a cluster tells of their runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.actions.launching.sweep import prepare_sweep
from pipeline.actions.launching.sweep_plan import SweepPlan
from pipeline.core.launch.choices import Choices
from tests.engines.kubeflow.fake_api import FakeKfp, pod, run_detail

N, S = "yolov8n-scratch.yaml", "yolov8s-scratch.yaml"
LIGHT = Choices(train=False, overrides={})
CUSTOM = "cfg-custom"


def planned(here: Installation, *seeds: int, name: str = "", **changes: Any) -> SweepPlan:
    return prepare_sweep(here, replace(LIGHT, **changes), [N, S], [CUSTOM], seeds, name=name)


def kfp_id(api: FakeKfp, launch: str) -> str:
    return next(id_ for id_, detail in api.details.items() if detail["run"]["name"] == launch)


def tell_state(api: FakeKfp, launch: str, status: str) -> None:
    """Let the API tell another state of a run."""
    before = api.details[kfp_id(api, launch)]["run"]
    nodes = [pod("train", status)] if status in ("Running", "Failed") else []
    detail = run_detail(int(before["id"][:8], 16), *nodes, status=status)
    detail["run"] |= {key: before[key] for key in ("name", "pipeline_spec")}
    api.add(detail)
