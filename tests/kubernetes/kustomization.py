"""Builds of configs/kubernetes, as it is and changed in the ways that docs/kubeflow.md tells of."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "configs" / "kubernetes"
INSTANCE = "app.kubernetes.io/instance"
_GO_PACKAGE = "sigs.k8s.io/kustomize/kustomize/v5@v5.6.0"
_REQUIRED = os.environ.get("SLIPWAY_REQUIRE_KUBEFLOW") == "1"
_LIMIT_S = 280  # the first one downloads and compiles kustomize


def build(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """Give the objects of a kustomization."""
    command = [*_kustomize(), "build", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def one(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """Give the object of a kind and name."""
    found = [o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def copy(
    target: Path, settings: Mapping[str, str], *, suffix: str = "", nodes: bool = False
) -> Path:
    """Copy the folder, with other settings; with a suffix it lives beside an installation."""
    shutil.copytree(FOLDER, target, dirs_exist_ok=True)
    given = target / "settings.env"
    kept = [
        line for line in given.read_text().splitlines() if line.partition("=")[0] not in settings
    ]
    added = [f"{name}={value}" for name, value in settings.items()]
    given.write_text("\n".join([*kept, *added, ""]))
    top = target / "kustomization.yaml"
    text = top.read_text()
    if nodes:
        text = text.replace("# - node-reader", "- node-reader")
    if suffix:
        text += f"\nnameSuffix: {suffix}\n"
    top.write_text(text)
    for path in target.rglob("*.yaml") if suffix else ():
        text = path.read_text()
        path.write_text(text.replace(f"{INSTANCE}: slipway", f"{INSTANCE}: slipway{suffix}"))
    return target


def _kustomize() -> list[str]:
    found = shutil.which("kustomize")
    if not found and not shutil.which("go"):
        (pytest.fail if _REQUIRED else pytest.skip)("No kustomize here: put it, or go, on PATH.")
    return [found] if found else ["go", "run", _GO_PACKAGE]
