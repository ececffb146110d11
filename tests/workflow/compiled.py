"""Looking into a compiled document."""

from __future__ import annotations

from typing import Any

from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds.train import TRAIN
from pipeline.core.launch.launch import Launch

PROGRAMS = tuple(step.name for step in TRAIN.steps[1:])
HEAVY = ("train", "test", "tune")


def launch_of(choices: Choices) -> Launch:
    return Launch(
        id="20261123-1432-shapes-yolov8n-k3f9",
        choices=choices,
        model_path="yolov8-scratch.yaml",
        user="kim",
        created_at="2026-11-23T14:32:00.000Z",
        code_version="0.1.0",
    )


def templates(workflow: dict[str, Any]) -> dict[str, Any]:
    return {entry["name"]: entry for entry in workflow["spec"]["templates"]}


def tasks(workflow: dict[str, Any]) -> dict[str, Any]:
    dags = [entry["dag"]["tasks"] for entry in templates(workflow).values() if "dag" in entry]
    return {task["name"]: task for dag in dags for task in dag}


def plain_variables(template: dict[str, Any]) -> dict[str, str]:
    variables = template["container"]["env"]
    return {item["name"]: item["value"] for item in variables if "value" in item}


def parameters(workflow: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in workflow["spec"]["arguments"]["parameters"]}
