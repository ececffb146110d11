"""What it costs that the test step keeps what it sees, against the same validation without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.sample import DATASET, write_sample
from tests.benchmarks.report import compare

ROOT = Path(__file__).resolve().parents[2]
# On two cores 5,000 take an hour; a GPU is quicker: set the number for it.
IMAGES = int(os.environ.get("SLIPWAY_BENCHMARK_IMAGES", "500"))
_TIMES = 3


def recording(folder: Path) -> None:
    """Validate many images with and without the tables, in turns, in a process of its own."""
    program = [sys.executable, "-m", "tests.benchmarks.testing", str(folder)]
    done = subprocess.run(program, cwd=ROOT, check=True, capture_output=True, text=True)
    plain_s, ours_s = json.loads(done.stdout.splitlines()[-1])
    compare(f"test of {IMAGES} images with its tables", plain_s, ours_s, "at most 1.10")


def main(folder: Path) -> None:
    """Print the two medians."""
    from step_images.ultralytics_home import prepare

    prepare()
    import torch
    from ultralytics import YOLO

    from step_images.test.watching import watched

    write_sample(folder, IMAGES * 10 // 7)
    torch.manual_seed(1)  # it knows nothing, so that hundreds of boxes an image remain
    scratch = folder / "yolov8n-scratch.yaml"
    scratch.write_bytes((folder / "yolov8-scratch.yaml").read_bytes())
    weights = folder / "best.pt"
    YOLO(str(scratch)).save(str(weights))
    data = folder / "data.yaml"
    given = yaml.safe_load((folder / "data-custom.yaml").read_text())
    data.write_text(yaml.safe_dump({**given, "path": str(folder / DATASET)}))
    run = RunFolder(folder / "run")
    run.step("test").mkdir(parents=True)

    def validate(validator: Any) -> None:
        YOLO(str(weights)).val(
            validator=validator,
            data=str(data),
            split="train",
            plots=True,
            project=str(run.path),
            name="test",
            exist_ok=True,
        )

    validate(None)  # the labels are read, the disk is warm
    plain, ours = [], []
    for _ in range(_TIMES):
        start = time.perf_counter()
        validate(None)
        plain.append(time.perf_counter() - start)
        start = time.perf_counter()
        with watched(YOLO(str(weights)), run) as validator:
            validate(validator)
        ours.append(time.perf_counter() - start)
    print(json.dumps([median(plain), median(ours)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
