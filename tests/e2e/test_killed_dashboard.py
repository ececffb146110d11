"""The dashboard's process is killed while a run that was launched from its page trains."""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import yaml
from playwright.sync_api import expect

from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder
from pipeline.engines.local.engine import LocalEngine
from pipeline.tracking.server import free_port
from tests.conftest import TINY_CFG
from tests.engines.local.faults import recorded
from tests.fault_table import record
from tests.processes import end_processes_of, processes_of
from tests.serving import address, served
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.e2e
EPOCHS = 40
PATIENCE_MS = 60_000


def streamlit_of(served_by: int) -> psutil.Process:
    """Give the process that draws the pages, whose guard has the same words behind its own."""
    found = [
        process
        for process in psutil.Process(served_by).children(recursive=True)
        if process.cmdline()[1:3] == ["-m", "dashboard"]
    ]
    return found[0]


def epochs_of(folder: RunFolder) -> int:
    return len(folder.results.read_text().splitlines()) - 1 if folder.results.exists() else 0


def training_of(state: Path) -> psutil.Process:
    return next(p for p in processes_of(state) if "step_images.train" in p.cmdline())


def test_a_run_goes_on_and_is_shown_as_it_is_by_the_next_dashboard(
    sample_volume: Path, tmp_path: Path, browser: Browser
) -> None:
    volume, state = Path(shutil.copytree(sample_volume, tmp_path / "volume")), tmp_path / "state"
    cfg = volume / "cfg-custom.yaml"
    small = yaml.safe_load(cfg.read_text()) | TINY_CFG | {"epochs": EPOCHS, "plots": False}
    cfg.write_text(yaml.safe_dump(small))
    settings = Settings(volume=volume, state=state)
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE_MS)
    options = ("--volume", str(volume), "--port")
    try:
        with served(state, *options, str(free_port("127.0.0.1"))) as first:
            page.goto(address(first, "Slipway is at"))
            expect(page.get_by_text("Ready", exact=True)).to_be_visible(timeout=PATIENCE_MS)
            page.locator(".st-key-launch-submit button").click()
            page.wait_for_url(re.compile(r"/run\?run="))
            launch = page.url.partition("run=")[2]
            (run,) = LocalEngine(settings).list_runs().runs
            folder = RunFolder(volume / "runs" / run.launch)
            until(lambda: epochs_of(folder) >= 1)
            training = training_of(state)
            training.suspend()  # so that it cannot end before the dashboard has
            streamlit_of(first.pid).send_signal(signal.SIGKILL)
            assert first.wait(60) != 0
        seen = epochs_of(folder)
        training.resume()
        until(lambda: epochs_of(folder) > seen, "the training does not go on")
        training.suspend()  # so that it is sure to train when the next dashboard looks
        assert recorded(settings, run.id)["train"] == "running"
        with served(state, *options, str(free_port("127.0.0.1"))) as second:
            page.goto(f"{address(second, 'Slipway is at')}/run?run={launch}")
            heading = page.get_by_role("heading", name=re.compile("running"))
            expect(heading).to_be_visible(timeout=PATIENCE_MS)
            assert training_of(state).pid == training.pid
            training.resume()
            done = page.get_by_role("heading", name=re.compile("done"))
            expect(done).to_be_visible(timeout=3 * PATIENCE_MS)
            assert recorded(settings, run.id)[""] == "succeeded"
    finally:
        page.context.close()
        end_processes_of(state)
    assert epochs_of(folder) == EPOCHS
    assert not folder.failure("train").exists()
    record(
        "kill -9 of the dashboard, or of whatever launched",
        "of Streamlit's own process, while a run launched from its page trains",
        "nothing; started anew it shows the run as running, then as done",
        "the run goes on by itself",
    )
