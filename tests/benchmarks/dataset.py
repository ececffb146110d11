"""What reading a dataset of COCO's size costs, beside what reading its files costs anybody."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.benchmarks.report import compare

IMAGES = {"train": 112_266, "val": 5_000}
BOXES = 855_955
CLASSES = 80
ROUNDS = 5
DATA = "data-large.yaml"
REPORT = f"""
import re, sys, time
from pathlib import Path
import polars
from pipeline.core.dataset.read import inspect_dataset
from pipeline.core.volume.paths import Volume

begin = time.perf_counter()
inspect_dataset(Volume(Path(sys.argv[1])), {DATA!r}, index_folder=Path(sys.argv[2]))
seconds = time.perf_counter() - begin
# What getrusage says counts the process that this one was started by, too.
print(seconds, re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def inspect(folder: Path) -> None:
    """Measure reports of a generated dataset: at first, while unchanged, after one change."""
    write_dataset(folder)
    index = folder / "index"
    labels = [
        entry.path for split in IMAGES for entry in os.scandir(folder / "large/labels" / split)
    ]
    time.sleep(2.5)  # what has just been written is read again at the next look
    turns = range(ROUNDS)
    plain = min(_time(lambda: _read(labels)) for _ in turns)
    loop = min(_time(lambda: _count(labels)) for _ in turns)
    look = min(_time(lambda: _look(folder / "large")) for _ in turns)
    runs = [_report(folder, folder / f"index-{turn}") for turn in turns]
    first = min(seconds for seconds, _ in runs)
    compare("the report, to opening and reading the labels", plain, first, "at most 1.5")
    compare("the report, to a plain loop that counts", loop, first, "at most 0.33")
    print(f"memory: {max(mib for _, mib in runs):.0f} MiB (at most 400)")
    _report(folder, index)
    again = min(_report(folder, index)[0] for _ in turns)
    compare(
        "the report in a new process, unchanged, to scandir and stat", look, again, "at most 1.2"
    )
    changed = []
    for turn in turns:
        Path(labels[turn]).write_text("0 0.5 0.5 0.1 0.1\n")
        changed.append(_report(folder, index)[0])
    compare("the report after one file changed, to the first", first, min(changed), "less than 1")


def write_dataset(folder: Path) -> None:
    """Write empty images and label files like COCO's in number, length and digits."""
    random = np.random.default_rng(0)
    total = sum(IMAGES.values())
    counts = random.multinomial(BOXES, random.dirichlet(np.full(total, 1.2)))
    rows = np.column_stack(
        [random.integers(0, CLASSES, BOXES), random.uniform(0.05, 0.95, (BOXES, 4)).round(6)]
    )
    lines = [f"{c:.0f} {x:g} {y:g} {w:g} {h:g}" for c, x, y, w, h in rows.tolist()]
    ends = np.cumsum(counts).tolist()
    number = 0
    for split, images in IMAGES.items():
        for kind in ("images", "labels"):
            (folder / "large" / kind / split).mkdir(parents=True)
        for _ in range(images):
            name = f"large/%s/{split}/{number:012d}"
            (folder / f"{name % 'images'}.jpg").touch()
            text = "\n".join(lines[ends[number] - counts[number] : ends[number]])
            (folder / f"{name % 'labels'}.txt").write_text(text)
            number += 1
    names = "".join(f"  {index}: class{index}\n" for index in range(CLASSES))
    (folder / DATA).write_text(
        f"path: large\ntrain: images/train\nval: images/val\nnames:\n{names}"
    )


def _report(folder: Path, index: Path) -> tuple[float, float]:
    """Give seconds and peak MiB of a report in a process of its own, started and imported."""
    command = [sys.executable, "-c", REPORT, str(folder), str(index)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    seconds, kib = map(float, done.stdout.split())
    return seconds, kib / 1024


def _read(paths: list[str]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.read(descriptor, 64 << 10)
        os.close(descriptor)


def _count(paths: list[str]) -> None:
    classes = [0] * CLASSES
    for path in paths:
        with open(path) as file:
            for line in file:
                classes[int(line.split()[0])] += 1


def _look(folder: Path) -> None:
    for split in IMAGES:
        for kind in ("images", "labels"):
            with os.scandir(folder / kind / split) as entries:
                for entry in entries:
                    if kind == "labels":
                        entry.stat()


def _time(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
