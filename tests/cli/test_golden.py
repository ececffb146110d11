"""What ``--json`` prints about runs, byte for byte; ``SLIPWAY_REGENERATE=1`` writes it anew.

Names of runs, times, digests and paths are placeholders in ``golden/``; all else is as printed.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline.actions.installation import Installation
from pipeline.core.files import write_json
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.run_note import RunNote, save_note
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.store import Store
from pipeline.tracking.client import mlflow_client
from pipeline.tracking.server import tracking_uri
from pipeline.tracking.sync import sync
from tests.cli.conftest import Cli
from tests.engines.kubeflow.fake_api import FakeKfp, api, pod, run_detail
from tests.tuned_runs import leave_test, tuned_run

__all__ = ["api"]

GOLDEN = Path(__file__).with_name("golden")
SCRATCH = ("--model", "yolov8n-scratch.yaml", "--set", "epochs=2")
BEGUN, OVER = "2026-11-25T10:00:00.000Z", "2026-11-25T10:02:30.000Z"
PLACEHOLDERS = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "<time>"),
    (r"\b[0-9a-f]{64}\b", "<sha256>"),
    (r"\b[0-9a-f]{32}\b", "<id>"),
    (r'("freed_bytes"|"bytes"|"free_bytes"): [1-9]\d*', r"\1: <bytes>"),
    (r'("seconds"): [\d.]+', r"\1: <seconds>"),
)


@dataclass
class Golden:
    """Runs commands, and holds what they print against files."""

    cli: Cli
    settings: Settings
    names: dict[str, str] = field(default_factory=dict)
    said: dict[str, tuple[int, str]] = field(default_factory=dict)
    kept: dict[str, tuple[int, str]] = field(default_factory=dict)

    def launch(self, called: str, *words: str) -> RunFolder:
        """Launch, or clone, and call both ids by one name in what is printed afterwards."""
        document = self.cli(*words, "--json").json
        self.names[document["launch"]] = f"<launch {called}>"
        self.names[document["run"]] = f"<run {called}>"
        return RunFolder(self.settings.volume / "runs" / document["launch"])

    def run(self, name: str, *words: str, code: int = 0) -> None:
        """Run a command, and read what the file of this name holds of it."""
        said = self.cli(*words, "--json")
        text, path = self.plain(said.out), GOLDEN / f"{name}.json"
        if os.environ.get("SLIPWAY_REGENERATE"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.said[name] = (said.code, text)
        self.kept[name] = (code, path.read_text(encoding="utf-8"))

    def plain(self, text: str) -> str:
        text = text.replace(str(self.settings.volume), "<volume>")
        text = text.replace(str(self.settings.state), "<state>")
        for name, called in sorted(self.names.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(name, called)
        for pattern, placeholder in PLACEHOLDERS:
            text = re.sub(pattern, placeholder, text)
        return text


@pytest.fixture
def here(volume: Path, state: Path) -> Installation:
    """An installation with an MLflow: made while output is captured, it would close pytest's own
    stream, to which kfp's absl logs once another test has imported it.
    """
    made = Installation(Settings(volume=volume, state=state, user="kim"))
    mlflow_client(tracking_uri(made.settings))
    return made


@pytest.fixture
def golden(
    here: Installation, cli: Cli, nothing_starts: None, monkeypatch: pytest.MonkeyPatch
) -> Golden:
    """An installation of which nothing starts."""
    monkeypatch.setenv("SLIPWAY_USER", here.settings.user)
    return Golden(cli, here.settings)


def ends(golden: Golden, folder: RunFolder, state: str, message: str = "") -> None:
    """Let a run be over, with a step that succeeded, one that ended it, and one that is skipped."""
    store = Store(Layout(golden.settings.state).database)
    run = store.id_of(folder.name)
    times = {"started_at": BEGUN, "finished_at": OVER}
    store.update_run(run, state=state, message=message, **times)
    store.update_step(run, "verify", state="succeeded", **times)
    store.update_step(run, "train", state=state, message=message, **times)
    store.update_step(run, "tune", state="skipped")


def trains(folder: RunFolder) -> None:
    """Leave what the train and test steps leave."""
    folder.results.parent.mkdir(parents=True)
    head = "epoch,time,train/box_loss,metrics/mAP50-95(B),metrics/mAP50(B)"
    folder.results.write_text(f"{head}\n1,10.5,1.5,0.25,0.5\n2,20.25,1.25,0.2,nan\n")
    (folder.results.parent / "args.yaml").write_text("epochs: 2\nlr0: 0.01\n")
    leave_test(folder, 0.5, {"circle": 0.25})


def test_runs_that_the_engine_knows(golden: Golden) -> None:
    assert golden.cli("runs", "--json").out == "[]\n"
    trained = golden.launch("trained", "launch", *SCRATCH, "--name", "base")
    trains(trained)
    save_note(trained, RunNote("the first try", ("baseline",)))
    ends(golden, trained, "succeeded")
    golden.run("show-before-track", "show", trained.name)
    golden.run("track", "track", trained.name)
    golden.run("show", "show", trained.name)
    failed = golden.launch(
        "failed", "clone", trained.name, "--set", "lr0=0.02", "--tune", "--experiment", "nights"
    )
    ends(golden, failed, "failed", "the GPU is gone.")
    failed.log("train").parent.mkdir()
    failed.log("train").write_text("epoch 1\nepoch 2\n")
    waiting = golden.launch("waiting", "launch", *SCRATCH, "--no-train")
    golden.run("runs", "runs")
    golden.run("runs-of-a-state", "runs", "--state", "pending", "--limit", "1")
    golden.run("show-failed", "show", failed.name)
    golden.run("show-waiting", "show", waiting.name)
    golden.run("compare", "compare", trained.name, failed.name, waiting.name)
    golden.run("logs", "logs", failed.name, "train")
    golden.run("logs-of-no-step", "logs", failed.name, "none", code=5)
    golden.run("queue", "queue", waiting.name, "--priority", "high")
    golden.run("clean", "clean", "--keep", "0", "--dry-run")
    golden.run("retry", "retry", failed.name)
    ends(golden, waiting, "stopped")
    golden.run("stop", "stop", waiting.name)
    golden.run("delete", "delete", waiting.name)
    golden.run("delete-again", "delete", waiting.name)
    golden.run("delete-tracked", "delete", trained.name)
    golden.run("show-of-none", "show", trained.name, code=5)
    assert golden.said == golden.kept


def test_runs_without_a_folder_and_folders_without_a_run(golden: Golden) -> None:
    run = golden.launch("alone", "launch", *SCRATCH)
    built = golden.launch("build", "build", "yolov8n-scratch.yaml", "--imgsz", "64")
    recorded = golden.launch("recorded", "launch", *SCRATCH, "--name", "recorded")
    trains(recorded)
    store = Store(Layout(golden.settings.state).database)
    ends(golden, recorded, "succeeded")
    assert store.forget(store.id_of(recorded.name))
    shutil.rmtree(run.path)
    write_json(built.built, {"layers": 129, "parameters": 3_011_433})
    golden.run("show-without-a-folder", "show", run.name)
    golden.run("show-build", "show", built.name)
    golden.run("show-recorded", "show", recorded.name)
    golden.run("runs-beyond-the-engine", "runs")
    golden.run("compare-recorded", "compare", recorded.name, run.name)
    golden.run("stop-recorded", "stop", recorded.name, code=5)
    golden.run("delete-recorded", "delete", recorded.name)
    assert golden.said == golden.kept


def test_runs_that_only_mlflow_knows(golden: Golden) -> None:
    client = mlflow_client(tracking_uri(golden.settings))
    made = client.create_run("0", run_name="notebook", tags={"mlflow.user": "lee"})
    id_ = made.info.run_id
    client.log_param(id_, "lr0", "0.5")
    client.log_param(id_, "model", "yolov8s.pt")
    client.log_metric(id_, "metrics/mAP50-95B", 0.6, step=0)
    client.log_metric(id_, "test/mAP50-95", 0.5)
    client.set_terminated(id_)
    sync(golden.settings)
    ours = golden.launch("ours", "launch", *SCRATCH)
    golden.run("show-elsewhere", "show", f"mlflow:{id_}")
    golden.run("compare-elsewhere", "compare", f"mlflow:{id_}", ours.name)
    golden.run("delete-elsewhere", "delete", f"mlflow:{id_}", code=5)
    assert golden.said == golden.kept


def test_runs_of_a_cluster(golden: Golden, api: FakeKfp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_ENGINE", "kubeflow")
    monkeypatch.setenv("SLIPWAY_ENGINES", "kubeflow")
    monkeypatch.setenv("KFP_ENDPOINT", api.url)
    run = api.add(run_detail(1, pod("verify", "Succeeded"), pod("train", "Running")))
    golden.run("show-kubeflow", "show", run)
    golden.run("runs-kubeflow", "runs")
    assert golden.said == golden.kept


def test_sweeps(golden: Golden) -> None:
    words = ("--model", "yolov8n-scratch.yaml", "--cfg", "cfg-custom")
    started = golden.cli("sweep", *words, "--seed", "0", "--seed", "1", "--name", "night", "--json")
    for number, run in enumerate(started.json["runs"]):
        golden.names |= {run["launch"]: f"<launch {number}>", run["run"]: f"<run {number}>"}
        folder = RunFolder(golden.settings.volume / "runs" / run["launch"])
        trains(folder)
        ends(golden, folder, ("succeeded", "failed")[number], "the GPU is gone." * number)
    golden.run("sweep", "sweep", "--show", "night")
    golden.run("sweep-list", "sweep", "--list")
    golden.run("sweep-retry", "sweep", "--retry", "night")
    store = Store(Layout(golden.settings.state).database)
    for row in store.unfinished():
        store.update_run(row.id, state="stopped")
    golden.run("sweep-stop", "sweep", "--stop", "night")
    golden.run("sweep-wrong", "sweep", *words, "--model", "none", "--name", "other", code=3)
    assert golden.said == golden.kept


def test_a_tuning_and_what_came_of_it(golden: Golden) -> None:
    run = tuned_run(Installation(golden.settings), 4)
    store = Store(Layout(golden.settings.state).database)
    golden.names |= {run.name: "<launch tuned>", store.id_of(run.name): "<run tuned>"}
    golden.run("trials", "trials", run.name)
    golden.run("adopt-dry-run", "adopt", run.name, "--dry-run")
    adopted = golden.launch("adopted", "adopt", run.name, "--trial", "2", "--cfg", "cfg-tuned")
    leave_test(run, 0.5, {"circle": 0.25})
    leave_test(adopted, 0.75, {"circle": 0.5})
    golden.run("trials-adopted", "trials", run.name)
    golden.run("show-adopted", "show", adopted.name)
    assert golden.said == golden.kept
