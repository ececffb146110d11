"""MLflow or the dashboard gone during a real training in pods, and a volume of somebody else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from mlflow import MlflowClient

from pipeline.actions.installation import Installation
from pipeline.actions.launching import launches
from pipeline.actions.runs import change
from pipeline.actions.runs import details as runs
from pipeline.core.errors import RunNotFound
from pipeline.core.launch.choices import Choices
from pipeline.core.settings import Settings
from pipeline.core.volume.sample import write_sample
from pipeline.engines.registry import make_engine
from pipeline.tracking.server import LOOPBACK, answers, free_port
from tests.conftest import SAMPLE_IMAGES, TINY_CFG
from tests.e2e.conftest import browser
from tests.kfp_backend import (
    TestVolume,
    kfp_core,
    kfp_endpoint,
    kfp_settings,
    kfp_volume,
)
from tests.kubeflow.mlflow_server import MlflowServer, mlflow_server
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser", "kfp_core", "kfp_endpoint", "kfp_settings", "kfp_volume", "mlflow_server"]
pytestmark = [pytest.mark.kubeflow, pytest.mark.alone, pytest.mark.timeout(600)]

EPOCHS = 60  # long enough to be overtaken by an outage
GIVE_UP_S = 400
PATIENT = {"within_s": GIVE_UP_S, "every_s": 1}
LAUNCH = ".st-key-launch-submit button"


@pytest.fixture
def cluster(kfp_settings: Settings, kfp_volume: TestVolume) -> Iterator[Installation]:
    """A dashboard's settings with the sample on the claim; its runs are gone after the test."""
    here = Installation(replace(kfp_settings, volume=kfp_volume.path, engines=("kubeflow",)))
    write_sample(here.settings.volume, images=SAMPLE_IMAGES)
    yield here
    for folder in (here.settings.volume / "runs").glob("*"):
        with suppress(RunNotFound):  # deleted by the test
            change.stop(here, folder.name)
            change.delete(here, folder.name)


def test_mlflow_away_during_training_is_filled_in_later(
    cluster: Installation, mlflow_server: MlflowServer
) -> None:
    here = Installation(mlflow_server.for_pods(cluster.settings))
    choices = Choices(
        model="yolov8n-scratch.yaml", cpus=1, overrides={**TINY_CFG, "epochs": EPOCHS}
    )
    run = launches.submit(here, launches.prepare(here, choices))
    until(lambda: "Tracking: MLflow run" in log(here, run.id, "train"), **PATIENT)
    mlflow_server.stop()

    shown = until(lambda: over(here, run.id), **PATIENT)
    assert shown.facts.state == "succeeded", shown.facts.message
    said = log(here, run.id, "train")
    assert "The work goes on" in said
    assert f"'slipway track {run.launch}' fills in" in said

    mlflow_server.start()
    assert change.track(here, run.launch)[1] > 0
    tracking = here.tracking
    assert len(tracking.history(run.launch)["mAP50-95"]) == EPOCHS
    client = MlflowClient(here.settings.tracking_uri)
    assert "test/mAP50-95" in client.get_run(tracking.run_id(run.launch)).data.metrics
    assert change.track(here, run.launch)[1] == 0


def test_a_volume_of_somebody_else_is_refused_by_the_first_step(
    cluster: Installation, tmp_path: Path
) -> None:
    elsewhere = Installation(replace(cluster.settings, volume=tmp_path / "elsewhere"))
    write_sample(elsewhere.settings.volume, images=SAMPLE_IMAGES)
    choices = Choices(model="yolov8n-scratch.yaml", overrides=TINY_CFG)
    run = launches.submit(elsewhere, launches.prepare(elsewhere, choices))
    shown = until(lambda: over(elsewhere, run.id), **PATIENT)
    assert shown.facts.state == "failed"
    assert "this volume is not the dashboard's" in shown.facts.message
    assert {step.name: step.state for step in shown.facts.steps}["train"] == "skipped"
    change.delete(elsewhere, run.id)
    assert not list((cluster.settings.volume / "runs").glob("*/train"))


def test_a_dashboard_killed_during_a_run_shows_it_when_it_is_back(
    cluster: Installation, browser: Browser
) -> None:
    cfg = cluster.settings.volume / "cfg-custom.yaml"
    cfg.write_text(yaml.safe_dump(yaml.safe_load(cfg.read_text()) | TINY_CFG))
    page = browser.new_page()
    port = free_port(LOOPBACK)
    with dashboard(cluster, port) as server:
        page.goto(f"http://{LOOPBACK}:{port}")
        page.locator(LAUNCH).click()
        page.wait_for_url(re.compile(r"/run\?run="))
        server.kill()
    with dashboard(cluster, port):
        page.goto(page.url)
        done = page.get_by_role("heading", name=re.compile("done"))
        done.wait_for(timeout=1000 * GIVE_UP_S)
    page.close()
    (folder,) = (cluster.settings.volume / "runs").iterdir()
    engine = make_engine(cluster.settings)
    assert [run.launch for run in engine.list_runs(limit=20).runs].count(folder.name) == 1
    assert (folder / "test" / "metrics.json").is_file()


@contextmanager
def dashboard(here: Installation, port: int) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "KFP_ENDPOINT": here.settings.kfp_endpoint,
        "SLIPWAY_ENGINE": "kubeflow",
        "SLIPWAY_PVC_NAME": here.settings.pvc_name,
        "SLIPWAY_STATE": str(here.settings.state),
        "SLIPWAY_VOLUME": str(here.settings.volume),
    }
    command = [sys.executable, "-m", "dashboard", "--server.port", str(port)]
    server = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: answers(f"http://{LOOPBACK}:{port}/_stcore/health"), of=server)
        yield server
    finally:
        server.kill()
        server.wait()


def over(here: Installation, run: str) -> dict[str, Any] | None:
    shown = runs.show(here, run)
    return None if shown.facts.state in ("pending", "running") else shown


def log(here: Installation, run_id: str, step: str) -> str:
    engine = make_engine(here.settings)
    return engine.logs(run_id, step).text if is_started(engine.get(run_id), step) else ""


def is_started(run: Any, name: str) -> bool:
    return any(step.name == name and step.started_at for step in run.steps)
