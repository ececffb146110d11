"""A launch from the command line to the end, against Ultralytics alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import yaml

from pipeline.core.volume.sample import DATASET, write_sample
from tests.benchmarks.report import compare

ROOT = Path(__file__).resolve().parents[2]
# `yolo train` and `yolo val` in one process, so that what is imported is paid for once.
PLAIN = """
import json, sys
from ultralytics import YOLO, settings
settings.update({"mlflow": False, "sync": False})
asked = json.loads(sys.argv[1])
YOLO(asked["model"]).train(
    data=asked["data"], project=asked["project"], name="train", **asked["cfg"])
YOLO(asked["project"] + "/train/weights/best.pt").val(
    data=asked["data"], split="test", imgsz=asked["cfg"]["imgsz"], batch=asked["cfg"]["batch"],
    project=asked["project"], name="test")
"""


def end_to_end(folder: Path) -> None:
    """Train the sample's model by a launch and without Slipway, with the same settings."""
    volume = folder / "volume"
    write_sample(volume)
    environment = {
        **os.environ,
        "SLIPWAY_VOLUME": str(volume),
        "SLIPWAY_STATE": str(folder / "state"),
        "YOLO_CONFIG_DIR": str(folder / "ultralytics"),
        "YOLO_OFFLINE": "1",
    }
    plain_s = _timed([sys.executable, "-c", PLAIN, json.dumps(_asked(volume, folder))], environment)
    choices = ["--model", "yolov8n-scratch.yaml", "--cfg", "cfg-custom", "--data", "data-custom"]
    launch = [sys.executable, "-m", "pipeline", "launch", *choices, "--wait", "--json"]
    ours_s = _timed(launch, environment)
    allowed = 1.10 * plain_s + 10
    compare("launch to the end", plain_s, ours_s, f"at most 1.10 x plain + 10 s = {allowed:.1f} s")


def _asked(volume: Path, folder: Path) -> dict[str, object]:
    model = folder / "yolov8n-scratch.yaml"
    model.write_bytes((volume / "yolov8-scratch.yaml").read_bytes())
    data = yaml.safe_load((volume / "data-custom.yaml").read_text())
    absolute = folder / "data.yaml"
    absolute.write_text(yaml.safe_dump({**data, "path": str(volume / DATASET)}))
    cfg = yaml.safe_load((volume / "cfg-custom.yaml").read_text())
    return {
        "model": str(model),
        "data": str(absolute),
        "project": str(folder / "plain"),
        "cfg": cfg,
    }


def _timed(command: list[str], environment: dict[str, str]) -> float:
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command[:5])} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return time.perf_counter() - begin
