"""The compiled file as a person uses it in the KFP page: uploaded, five parameters filled in."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume.sample import write_sample
from pipeline.engines.base import Engine, Run
from pipeline.engines.registry import make_engine
from tests.conftest import SAMPLE_IMAGES, TINY_CFG
from tests.engines.documents import states
from tests.kfp_backend import (
    NAMESPACE,
    TestVolume,
    kfp_core,
    kfp_endpoint,
    kfp_settings,
    kfp_volume,
)

__all__ = ["kfp_core", "kfp_endpoint", "kfp_settings", "kfp_volume"]
pytestmark = [
    pytest.mark.kubeflow,
    pytest.mark.alone,
    pytest.mark.timeout(600),
    # kfp's own client, not ours.
    pytest.mark.filterwarnings("ignore:::kfp"),
]

REPOSITORY = Path(__file__).resolve().parents[2]
FIVE = {"model_name": "yolov8n-scratch.yaml", "cfg": "cfg-custom", "data": "data-custom"}


class Uploaded:
    """The pipeline as KFP has it, and runs of it that kfp's own client starts."""

    def __init__(self, settings: Settings, file: Path) -> None:
        import kfp

        self.engine: Engine = make_engine(settings)
        self.name = f"slipway-test-{secrets.token_hex(4)}"
        self.client = kfp.Client(host=settings.kfp_endpoint, namespace=NAMESPACE)
        self.pipeline = self.client.upload_pipeline(str(file), pipeline_name=self.name)
        self.experiment = self.client.create_experiment(self.name)
        self.runs: list[str] = []

    def start(self, train: str, tune: str) -> str:
        run: Any = self.client.run_pipeline(
            self.experiment.id,
            self.name,
            pipeline_id=self.pipeline.id,
            params={**FIVE, "bool_train": train, "bool_tune": tune},
        )
        self.runs.append(run.id)
        return run.id

    def finished(self, run_id: str) -> Run:
        self.client.wait_for_run_completion(run_id, timeout=400)
        return self.engine.get(run_id)

    def remove(self) -> None:
        for run_id in self.runs:
            self.engine.stop(run_id)
            self.engine.delete(run_id)
        for version in self.client.list_pipeline_versions(self.pipeline.id).versions:
            self.client.delete_pipeline_version(version.id)
        self.client.delete_pipeline(self.pipeline.id)
        self.client.delete_experiment(self.experiment.id)


@pytest.fixture
def uploaded(kfp_settings: Settings, kfp_volume: TestVolume, tmp_path: Path) -> Iterator[Uploaded]:
    write_sample(kfp_volume.path, images=SAMPLE_IMAGES)
    cfg = kfp_volume.path / "cfg-custom.yaml"
    cfg.write_text(yaml.safe_dump(yaml.safe_load(cfg.read_text()) | TINY_CFG))
    file = tmp_path / "slipway.yaml"
    environment = {
        "PATH": os.environ["PATH"],
        "SLIPWAY_PVC_NAME": kfp_volume.claim,
        "SLIPWAY_STATE": str(kfp_settings.state),
        "SLIPWAY_VOLUME": str(kfp_settings.volume),
    }
    command = [sys.executable, "-m", "pipeline", "compile", "-o", str(file)]
    subprocess.run(command, env=environment, cwd=REPOSITORY, check=True, capture_output=True)
    made = Uploaded(kfp_settings, file)
    yield made
    made.remove()


def test_five_parameters_decide_what_an_uploaded_pipeline_does(
    uploaded: Uploaded, kfp_volume: TestVolume
) -> None:
    # All at once: what takes long is to wait for pods.
    looks, again = uploaded.start("False", "False"), uploaded.start("False", "False")
    misspelt, trains = uploaded.start("true", "False"), uploaded.start("True", "False")

    for run_id in (looks, again):
        run = uploaded.finished(run_id)
        assert run.state is State.SUCCEEDED, run.message
        assert [states(run)[name] for name in ("verify", "distribution", "plot")] == [
            State.SUCCEEDED
        ] * 3
        assert [states(run)[name] for name in ("train", "test", "tune")] == [State.SKIPPED] * 3

    run = uploaded.finished(misspelt)
    assert run.state is State.FAILED
    assert "bool_train is 'true'" in run.message
    assert states(run)["train"] is State.SKIPPED

    run = uploaded.finished(trains)
    assert run.state is State.SUCCEEDED, run.message
    assert [states(run)[name] for name in ("train", "test", "tune")] == [
        State.SUCCEEDED,
        State.SUCCEEDED,
        State.SKIPPED,
    ]
    # Two runs with the same values, as after "Clone run", share no folder.
    folders = {path.name for path in (kfp_volume.path / "runs").iterdir()}
    assert folders >= {looks, again, trains}
    assert (kfp_volume.path / "runs" / trains / "train" / "weights" / "best.pt").is_file()
