"""Run folders as verify leaves them, and steps as an engine starts them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.cfg.train_cfg import merge_cfg
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.settings import Settings
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder, claim, run_folder

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = "20261123-1432-shapes-yolov8n-k3f9"
UID = "0b8f7a52-1d2e-4c55-9a57-6f3c1f0e9a11"
TINY = {"epochs": 2, "imgsz": 64, "batch": 8, "workers": 0, "cache": False}


@dataclass(frozen=True)
class YoloRun:
    """A claimed run folder on a volume, and where its outputs and tracking go."""

    volume: Path
    state: Path
    tracking_uri: str = ""

    @property
    def folder(self) -> RunFolder:
        return run_folder(Volume(self.volume), LAUNCH)

    @property
    def settings(self) -> Settings:
        return Settings(volume=self.volume, state=self.state, tracking_uri=self.tracking_uri)

    def output(self, name: str) -> Path:
        return self.state / "outputs" / name

    def start(self, step: str, *flags: str) -> subprocess.Popen[bytes]:
        outputs = {
            "train": ("last-pt", "best-pt", "data-yaml"),
            "test": (),
            "tune": ("best-hyperparameters", "trials"),
        }[step]
        command = [
            sys.executable,
            "-m",
            f"step_images.{step}",
            "--launch",
            LAUNCH,
            "--run-uid",
            UID,
        ]
        for name in (*outputs, "mlpipeline-ui-metadata", "mlpipeline-metrics"):
            command += [f"--{name}-output", str(self.output(f"{step}-{name}"))]
        given = {
            "SLIPWAY_VOLUME": str(self.volume),
            "SLIPWAY_STATE": str(self.state),
            "MLFLOW_TRACKING_URI": self.tracking_uri,
        }
        log = open(self.state / f"{step}.out", "wb")  # noqa: SIM115 - the child writes to it
        with log:
            return subprocess.Popen(
                [*command, *flags, *self._inputs(step)],
                cwd=ROOT,
                env={**os.environ, **given},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def run(self, step: str, *flags: str) -> int:
        return self.start(step, *flags).wait(timeout=240)

    def log(self, step: str) -> str:
        return self.folder.log(step).read_text()

    def _inputs(self, step: str) -> list[str]:
        data = ["--data-yaml", str(self.folder.verified_data)]
        if step == "train":
            model = self.folder.path / "yolov8n-scratch.yaml"
            return ["--model-path", str(model), "--cfg-yaml", str(self.folder.cfg), *data]
        last, best = self.folder.weights("last"), self.folder.weights("best")
        return ["--last-pt", str(last), "--best-pt", str(best), *data]


def make_run(
    volume: Path, state: Path, cfg: Mapping[str, Any], *, tracking_uri: str = ""
) -> YoloRun:
    """Write what verify would have written for the sample."""
    run = YoloRun(volume, state, tracking_uri)
    folder = run.folder
    choices = Choices(model="yolov8n-scratch.yaml", tune=True)
    launch = Launch(
        id=LAUNCH,
        choices=choices,
        model_path="yolov8-scratch.yaml",
        user="jun",
        created_at="2026-11-23T14:32:00.000Z",
        code_version="0.1.0",
        sha256={"cfg": "c" * 64},
        dataset_fingerprint="f" * 64,
    )
    launch.save(folder.launch)
    claim(folder, UID)
    shutil.copyfile(volume / "yolov8-scratch.yaml", folder.path / "yolov8n-scratch.yaml")
    folder.cfg.write_text(merge_cfg((volume / "cfg-custom.yaml").read_text(), {**TINY, **cfg}))
    data = yaml.safe_load((volume / "data-custom.yaml").read_text())
    folder.verified_data.parent.mkdir()
    folder.verified_data.write_text(
        yaml.safe_dump({**data, "path": str(volume / data["path"])}, allow_unicode=True)
    )
    return run
