"""What a process that Ultralytics starts for one of several GPUs does; here it has a CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.step_images.yolo_runs import YoloRun

# As a step does it, up to the start of the processes; prints the program that each would run.
WRITE_PROGRAM = """
import os, sys
from pathlib import Path
from step_images.ultralytics_home import prepare

prepare()
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import dist

model, data, project = sys.argv[1:]
settings = dict(model=model, data=data, project=project, name="child", exist_ok=True)
trainer = DetectionTrainer(
    overrides={**settings, "epochs": 1, "imgsz": 32, "batch": 9, "workers": 0, "device": "cpu"}
)
program = dist.generate_ddp_file(trainer)
os.system(f"{sys.executable} {program}")
"""
EVIL_CACHE = """
import numpy, pathlib, sys
class Evil:
    def __reduce__(self):
        return (pathlib.Path.touch, (pathlib.Path(sys.argv[2]),))
with open(sys.argv[1], "wb") as file:
    numpy.save(file, numpy.array([Evil()], dtype=object))
"""


@pytest.mark.slow
def test_it_unpickles_nothing_either(
    trained: YoloRun, trained_copy: YoloRun, tmp_path: Path
) -> None:
    labels = next((trained_copy.volume / "datasets").rglob("labels/train"))
    mark = tmp_path / "mark"
    cache = labels.with_name("train.cache")
    subprocess.run([sys.executable, "-c", EVIL_CACHE, str(cache), str(mark)], check=True)
    model = trained_copy.volume / "yolov8n-scratch.yaml"
    model.write_bytes((trained_copy.volume / "yolov8-scratch.yaml").read_bytes())
    data = tmp_path / "data.yaml"
    text = trained_copy.folder.verified_data.read_text()
    data.write_text(text.replace(str(trained.volume), str(trained_copy.volume)))
    words = (str(model), str(data), str(tmp_path / "out"))
    done = subprocess.run(
        [sys.executable, "-c", WRITE_PROGRAM, *words],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (tmp_path / "out" / "child" / "weights" / "best.pt").is_file(), done.stdout + done.stderr
    assert not mark.exists()
