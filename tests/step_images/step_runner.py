"""Run a step program as engines do: a process of its own, an environment, arguments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class StepRunner:
    """Runs steps on a volume; outputs go to a folder of their own."""

    volume: Path
    outputs: Path
    variables: dict[str, str] = field(default_factory=dict)

    def __call__(self, step: str, **arguments: str) -> subprocess.CompletedProcess[str]:
        flags = [
            word
            for name, value in arguments.items()
            for word in (f"--{name.replace('_', '-')}", value)
        ]
        return subprocess.run(
            [sys.executable, "-m", f"step_images.{step}", *flags],
            cwd=REPOSITORY,
            env={
                **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                "SLIPWAY_VOLUME": str(self.volume),
                **self.variables,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )

    def output(self, name: str) -> str:
        return (self.outputs / name).read_text(encoding="utf-8")

    def verify(self, **arguments: str) -> subprocess.CompletedProcess[str]:
        given = {
            "model_name": "yolov8n-scratch.yaml",
            "cfg": "cfg-custom",
            "data": "data-custom",
            "run_uid": "uid-1234-5678",
        }
        names = ("model-path", "cfg-yaml", "data-yaml")
        outputs = {f"{name}-output": str(self.outputs / name) for name in names}
        return self("verify", **given | arguments | outputs)

    def failure(self, step: str, folder: str = "uid-1234-5678") -> dict[str, Any]:
        path = self.volume / "runs" / folder / step / "failure.json"
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return document
