"""Writes down every few seconds how busy CPU, memory and GPUs are."""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from pipeline.core.volume import machine

INTERVAL_S = 5.0
# So that a day's training has some 2,000 samples and not 17,000.
_SHARE_OF_ELAPSED = 0.002
_MB = 1_000_000


@contextmanager
def watched_machine(path: Path, interval_s: float = INTERVAL_S) -> Iterator[None]:
    """Sample in a thread of its own while a step works.

    Parameters
    ----------
    path
        The file, see `pipeline.core.volume.machine`; a resume goes on in it.
    interval_s
        Seconds between samples; they grow longer as the work does.
    """
    over = threading.Event()
    asked = (path, interval_s, over)
    thread = threading.Thread(target=_watch, args=asked, name="machine-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(interval_s)


def _watch(path: Path, interval_s: float, over: threading.Event) -> None:
    gpus = _Gpus()
    try:
        names, before_s = _begin(path, len(gpus.handles))
        began = time.monotonic() - before_s
        psutil.cpu_percent()  # it measures since the call before
        elapsed_s, is_over = before_s, False
        while not is_over:  # the end is measured, too
            is_over = over.wait(max(interval_s, elapsed_s * _SHARE_OF_ELAPSED))
            elapsed_s = time.monotonic() - began
            sample = {machine.TIME: round(elapsed_s, 1), **_of_machine(), **gpus.sample()}
            _append(path, [sample.get(name, "") for name in names])
    except OSError as reason:  # a full volume fails the training by itself, with its reason
        print(f"the machine is no longer watched: {reason}", flush=True)


def _begin(path: Path, gpus: int) -> tuple[list[str], float]:
    """Give the file's columns, and the time at which an earlier start left off."""
    samples = machine.read_samples(path)
    if not samples:
        names = machine.columns(gpus)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(",".join(names) + "\n", encoding="utf-8")
        return names, 0.0
    with open(path, encoding="utf-8", newline="") as file:
        names = next(csv.reader(file))
    return names, max(points[-1][0] for points in samples.values())


def _append(path: Path, values: Sequence[Any]) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(",".join(map(str, values)) + "\n")


class _Gpus:
    """The GPUs that NVIDIA's library shows; without it there are none."""

    def __init__(self) -> None:
        import pynvml

        self._nvml = pynvml
        self.handles: list[Any] = []
        try:
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            self.handles = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(count)]
        except pynvml.NVMLError:
            return

    def sample(self) -> dict[str, float]:
        """Give use and memory of each GPU; one that does not tell is left out."""
        values: dict[str, float] = {}
        for number, handle in enumerate(self.handles):
            use, memory = machine.gpu_columns(number)
            try:
                values[use] = self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu
                values[memory] = round(self._nvml.nvmlDeviceGetMemoryInfo(handle).used / _MB)
            except self._nvml.NVMLError:
                continue
        return values


def _of_machine() -> dict[str, float]:
    return {
        machine.CPU: psutil.cpu_percent(),
        machine.RAM: round(psutil.virtual_memory().used / _MB),
        machine.STEP_RAM: round(_tree_bytes() / _MB),
    }


def _tree_bytes() -> int:
    """Give the memory of this process and its workers; what workers share is counted once."""
    own = psutil.Process()
    total = int(own.memory_info().rss)
    for child in own.children(recursive=True):
        try:
            memory = child.memory_info()
        except psutil.Error:  # it has just ended
            continue
        total += memory.rss - getattr(memory, "shared", 0)
    return total
