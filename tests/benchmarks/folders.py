"""Thousands of runs that only their folders tell of, on a fast disk and on a slow share."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.core.files import write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.run_folder import RunFolder
from tests.benchmarks.browser import ROOT, chromium, dashboard
from tests.benchmarks.report import say
from tests.benchmarks.sessions import server_at

RUNS = 10_000
ROUNDS = 5
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_SOURCE = Path(__file__).with_name("slow_share.c")
_LIST = ["-m", "pipeline", "runs", "--limit", "20"]
# A process with an index of its own asks in this order: what is slow the first time is said.
_LOOKS = """
import sys, time
from pipeline.actions.installation import Installation
from pipeline.actions.runs.page import page_of
from pipeline.core.settings import load_settings
here = Installation(load_settings())
def look(what, work):
    begin = time.perf_counter()
    work()
    print(f"{what}: {time.perf_counter() - begin:.2f} s")
import mlflow
look("index", here.folders.all)
look("first page", lambda: page_of(here, {}))
for number in range(3):
    look("page again", lambda: page_of(here, {}))
for sort in ("mAP50-95", "test mAP"):
    look(f"sorted by {sort}, first time", lambda: page_of(here, {}, sort=sort))
    look(f"sorted by {sort}, again", lambda: page_of(here, {}, sort=sort))
look("lr0>0.003, first time", lambda: page_of(here, {}, "lr0>0.003"))
look("lr0>0.003, again", lambda: page_of(here, {}, "lr0>0.003"))
"""


def forgotten_runs(folder: Path) -> None:
    """Read ten thousand folders, list them, and open the page about them."""
    for number in range(RUNS):
        _record(folder / "volume", number)
    _look_at_all("disk", folder, {}, (1, 1.5))
    shim = _slow_share(folder)
    if shim:
        _look_at_all("slow share", folder, shim, (2, 3))
    else:
        print("the slow share needs gcc: left out")


def _look_at_all(
    share: str, folder: Path, more: dict[str, str], limits_s: tuple[float, float]
) -> None:
    print(f"{RUNS} folders on a {share}")
    shutil.rmtree(folder / "state", ignore_errors=True)
    chosen = {"SLIPWAY_VOLUME": str(folder / "volume"), "SLIPWAY_STATE": str(folder / "state")}
    environment = {**os.environ, **chosen, **more}
    _run(["-c", _LOOKS], environment)
    times = [_timed(lambda: _run(_LIST, environment, is_quiet=True)) for _ in range(ROUNDS)]
    say("runs --limit 20", times, f"at most {limits_s[0]} s")
    say("the table of the Runs page", _page_times(folder, more), f"at most {limits_s[1]} s")


def _page_times(folder: Path, more: dict[str, str]) -> list[float]:
    """Open the list, as somebody does whose dashboard has been up for a while, and watch it."""
    with dashboard(folder, more) as url, chromium() as browser:
        time.sleep(15)  # what is loaded ahead is there
        times = []
        for _ in range(ROUNDS):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            begin = time.perf_counter()
            page.goto(url + "runs")
            page.get_by_text(re.compile(r"10,?000")).first.wait_for()
            page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
            times.append(time.perf_counter() - begin)
            page.close()
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url + "runs")
        page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
        server = server_at(url)
        server.cpu_percent()
        time.sleep(30)
        print(f"the page stays open for 30 s: {server.cpu_percent():.0f} % of a CPU")
    return times


def _record(volume: Path, number: int) -> None:
    """Write what a run that trained and was tested leaves behind."""
    name = f"2026-{number:05}-shapes"
    folder = RunFolder(volume / "runs" / name)
    launched = _FIRST + timedelta(minutes=number)
    launch = Launch(
        id=name,
        choices=Choices(model="yolov8n.yaml", cfg="cfg-custom", data="data-custom"),
        model_path="yolov8n.yaml",
        user=("ann", "kim", "lee")[number % 3],
        created_at=launched.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        code_version="0",
        sha256={"cfg": "c" * 64, "data": "d" * 64, "model": "e" * 64},
        engine="local",
    )
    launch.save(folder.launch)
    folder.cfg.write_text(f"lr0: {0.001 * (1 + number % 7)}\nseed: {number % 5}\nepochs: 3\n")
    folder.owner.write_text(f"uid-{number}")
    for step, made in (
        ("verify", "data.yaml"),
        ("plot", "distribution.png"),
        ("train", "args.yaml"),
        ("train/weights", "best.pt"),
        ("train/weights", "last.pt"),
    ):
        folder.step(step).mkdir(exist_ok=True)
        (folder.step(step) / made).write_text("seed: 0\n")
    write_json(folder.distribution, {})
    rows = "".join(f"{epoch},{epoch}.0,{number % 97 / epoch / 100}\n" for epoch in (1, 2, 3))
    folder.results.write_text(f"epoch,time,metrics/mAP50-95(B)\n{rows}")
    write_json(folder.test_metrics, {"mAP50-95": number % 89 / 100, "split": "test"})
    write_json(folder.mlflow, {"run_id": f"{number:032x}", "experiment_id": "0"})


def _slow_share(folder: Path) -> dict[str, str]:
    """Give the environment in which each open and stat of the volume takes 0.5 ms more."""
    compiler, library = shutil.which("gcc"), folder / "slow_share.so"
    if compiler is None:
        return {}
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-o", library, _SOURCE, "-ldl"], check=True
    )
    return {"LD_PRELOAD": str(library), "SLOW_SHARE": str(folder / "volume")}


def _run(arguments: list[str], environment: dict[str, str], *, is_quiet: bool = False) -> None:
    output = subprocess.DEVNULL if is_quiet else None
    subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=ROOT, check=True, stdout=output
    )


def _timed(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
