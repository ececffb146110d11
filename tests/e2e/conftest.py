"""The real dashboard in a real browser, on a private volume and state."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import yaml

from pipeline.core.volume.sample import write_sample
from pipeline.tracking.server import answers, free_port
from tests.processes import end_processes_of, kill_processes_of, processes_of
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Debian's chromium; Playwright's own download is not part of the installation.
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PICTURES_FOLDER = os.environ.get("SCREENSHOTS_FOLDER", "")
PATIENCE_MS = 20_000
TINY_CFG = {"epochs": 2, "imgsz": 64, "batch": 8, "workers": 0, "plots": True}


@dataclass(frozen=True)
class Dashboard:
    """A running dashboard.

    Parameters
    ----------
    url
        Where it answers, without a slash at the end.
    volume, state
        Its folders.
    """

    url: str
    volume: Path
    state: Path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)  # a busy machine is slow, not wrong

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*CHROMIUM_ARGS, "--no-first-run"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def dashboard(sample_volume: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The dashboard on a copy of the sample whose cfg trains in seconds; leaves no process."""
    folder = tmp_path_factory.mktemp("dashboard")
    volume = folder / "volume"
    if PICTURES_FOLDER:
        write_sample(volume)  # a picture for people shows a detector that has learnt something
    else:
        shutil.copytree(sample_volume, volume)
        cfg = volume / "cfg-custom.yaml"
        settings = yaml.safe_load(cfg.read_text(encoding="utf-8")) | TINY_CFG
        cfg.write_text(yaml.safe_dump(settings), encoding="utf-8")
    state, port = folder / "state", free_port("127.0.0.1")
    environment = os.environ | {
        "SLIPWAY_VOLUME": str(volume),
        "SLIPWAY_STATE": str(state),
        "SLIPWAY_USER": "kim",
    }
    command = [sys.executable, "-m", "dashboard"]
    with open(folder / "dashboard.log", "wb") as log:
        server = subprocess.Popen(
            [*command, "--server.port", str(port)], env=environment, stdout=log, stderr=log
        )
    try:
        health = f"http://127.0.0.1:{port}/_stcore/health"
        until(lambda: answers(health), folder / "dashboard.log", of=server)
        yield Dashboard(f"http://127.0.0.1:{port}", volume, state)
    finally:
        server.terminate()
        server.wait(20)
        end_processes_of(state)
        psutil.wait_procs(processes_of(state), timeout=10)
        kill_processes_of(state)


@pytest.fixture
def page(browser: Browser, dashboard: Dashboard) -> Iterator[Page]:
    """A fresh browser session at a desktop's size."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    yield opened
    context.close()
