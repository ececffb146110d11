"""What a long queue costs: a look at it, and the controller that waits."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from pipeline.actions.installation import Installation
from pipeline.actions.runs import queue as actions
from pipeline.actions.runs.rows import listing
from pipeline.core.settings import Settings
from pipeline.engines.local.layout import Layout
from pipeline.engines.registry import make_engine
from tests.benchmarks.report import say
from tests.engines import documents
from tests.engines.documents import is_running, step, workflow

QUEUED = 1000
LOOKS = 10
IDLE_S = 20.0


def long_queue(folder: Path) -> None:
    """Let a thousand runs wait behind one that sleeps, and look."""
    (folder / "volume").mkdir()
    here = Installation(Settings(volume=folder / "volume", state=folder / "state", gpu_slots=0))
    engine = make_engine(here.settings)
    documents.token = secrets.token_hex(4)
    first = engine.submit(_document("sleep 600", 0), "l-first")
    documents.wait(engine, first, is_running("train"))
    begin = time.perf_counter()
    ids = [engine.submit(_document("true", n), f"l-{n}") for n in range(QUEUED)]
    print(f"{QUEUED} launches: {(time.perf_counter() - begin) / QUEUED * 1000:.1f} ms each")
    _look("the queue, 1,000 waiting", lambda: actions.queue(here))
    _look("the list of runs, 50 of 1,001", lambda: listing(here))
    _look("one waiting run", lambda: engine.get(ids[-1]))
    _watch_controller(here)
    for run in ids:
        engine.stop(run)
    engine.stop(first)
    while any(not run.state.is_finished for run in engine.list_runs(limit=1001).runs):
        time.sleep(0.1)


def _look(what: str, look: Callable[[], object]) -> None:
    times = []
    for _ in range(LOOKS):
        begin = time.perf_counter()
        look()
        times.append(time.perf_counter() - begin)
    say(what, times, "at most 0.3 s")


def _watch_controller(here: Installation) -> None:
    controller = psutil.Process(int(Layout(here.settings.state).controller_lock.read_text()))
    time.sleep(5)  # until it is calm
    before = sum(controller.cpu_times()[:2])
    time.sleep(IDLE_S)
    busy = (sum(controller.cpu_times()[:2]) - before) / IDLE_S
    memory = controller.memory_info().rss
    print(
        f"the controller beside them: {busy:.2%} of a CPU (at most 1 %),"
        f" {memory / 1e6:.0f} MB (at most 80 MB)"
    )


def _document(script: str, number: int) -> dict[str, object]:
    names = ("verify", "distribution", "plot", "train", "test", "tune")
    steps = [step(name, script if name == "train" else "true") for name in names]
    return workflow(*steps, parameters={"launch": f"l-{number}", "cfg": "cfg-custom"})
