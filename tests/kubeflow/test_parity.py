"""All six steps of one launch on both engines: the same steps, files, numbers and records."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching import launches
from pipeline.actions.launching.builds import plan_build
from pipeline.actions.launching.retest import retest
from pipeline.actions.launching.sweep import prepare_sweep, start
from pipeline.actions.runs import change
from pipeline.actions.runs import details as runs
from pipeline.actions.runs.model import RunDetails
from pipeline.actions.runs.rows import listing
from pipeline.actions.runs.sweep_runs import SweepRuns, show_sweep, stop_all
from pipeline.core.launch.choices import Choices
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder, run_folder
from pipeline.core.volume.sample import write_sample
from tests.conftest import SAMPLE_IMAGES, TINY_CFG
from tests.kfp_backend import (
    TestVolume,
    kfp_core,
    kfp_endpoint,
    kfp_settings,
    kfp_volume,
)
from tests.kubeflow import kfp_page
from tests.kubeflow.mlflow_server import MlflowServer, mlflow_server

__all__ = ["kfp_core", "kfp_endpoint", "kfp_settings", "kfp_volume", "mlflow_server"]
pytestmark = [
    pytest.mark.kubeflow,
    pytest.mark.alone,
    pytest.mark.timeout(900),
    # kfp's own client, not ours.
    pytest.mark.filterwarnings("ignore:::kfp"),
]

CHOICES = Choices(
    model="yolov8n-scratch.yaml",
    tune=True,
    tune_space="tune-two",
    cpus=1,
    overrides={**TINY_CFG, "epochs": 2, "seed": 7},
)
SPACE = "trials: 2\nepochs: 1\nseed: 0\nspace:\n  lr0: {low: 0.001, high: 0.01, scale: log}\n"
GIVE_UP_S = 600
STEPS = ["verify", "distribution", "plot", "train", "test", "tune"]
# Where the run lies, which is another folder for a pod.
PLACES = {"data", "model", "project", "save_dir", "name"}


@pytest.fixture
def both(
    kfp_settings: Settings, kfp_volume: TestVolume, mlflow_server: MlflowServer, tmp_path: Path
) -> Iterator[dict[str, Installation]]:
    """A dashboard for each engine, on equal volumes."""
    cluster = replace(kfp_settings, volume=kfp_volume.path, engines=("kubeflow",))
    local = Settings(volume=tmp_path / "volume", state=tmp_path / "state")
    made = {
        "local": Installation(mlflow_server.for_this_machine(local)),
        "kubeflow": Installation(mlflow_server.for_pods(cluster)),
    }
    yield made
    for here in made.values():
        for row in listing(here, limit=5).rows:
            if row.facts.folder and row.facts.folder.path.is_dir():
                change.stop(here, row.facts.id)
                change.delete(here, row.facts.id)


def test_a_launch_gives_the_same_on_both_engines(
    both: dict[str, Installation], mlflow_server: MlflowServer
) -> None:
    launched, shown = {}, {}
    for engine, here in both.items():
        write_sample(here.settings.volume, images=SAMPLE_IMAGES)
        (here.settings.volume / "tune-two.yaml").write_text(SPACE)
        plan = launches.prepare(here, CHOICES)
        launches.submit(here, plan)
        launched[engine] = plan.launch.id
    for engine, here in both.items():
        shown[engine] = finished(here, launched[engine])
    ours, theirs = shown["local"], shown["kubeflow"]
    assert steps(ours) == steps(theirs)
    assert {(name, "succeeded") for name in STEPS} <= set(steps(theirs))
    mine, its = (run_folder(both[engine].volume, launched[engine]) for engine in both)
    assert files(mine) == files(its)
    assert numbers(mine) == numbers(its)
    assert ours.tested == theirs.tested
    assert applied(mine) == applied(its)
    assert trials(mine) == trials(its)

    tracked = [recorded(both[engine], shown[engine], mlflow_server) for engine in both]
    assert tracked[0] == tracked[1]
    assert {"test/confusion_matrix.png", "train/results.png"} <= tracked[1]["artifacts"]
    kfp_shows(both["kubeflow"], theirs.facts.id)

    again = {}
    for engine, here in both.items():
        plan = retest(here, shown[engine].facts.id, "data-custom", "train")
        launches.submit(here, plan)
        again[engine] = finished(here, plan.launch.id)
    assert again["local"].tested == again["kubeflow"].tested
    assert again["kubeflow"].tested.split == "train"
    assert steps(again["local"]) == steps(again["kubeflow"])


def test_a_model_that_is_only_built_is_the_same_on_both_engines(
    both: dict[str, Installation],
) -> None:
    built = {}
    for engine, here in both.items():
        write_sample(here.settings.volume, images=SAMPLE_IMAGES)
        plan = plan_build(here, "yolov8n-scratch.yaml", 64)
        launches.submit(here, plan)
        built[engine] = finished(here, plan.launch.id)
    assert steps(built["local"]) == steps(built["kubeflow"])
    sizes = [
        {key: value for key, value in shown.build.items() if not key.endswith("_s")}
        for shown in built.values()
    ]
    assert sizes[0] == sizes[1]
    assert sizes[0]["layers"] == 129


def test_a_sweep_gives_the_same_on_both_engines(both: dict[str, Installation]) -> None:
    choices = replace(CHOICES, tune=False, tune_space="", overrides={**TINY_CFG})
    matrices = {}
    for here in both.values():
        write_sample(here.settings.volume, images=SAMPLE_IMAGES)
        plan = prepare_sweep(here, choices, [choices.model], [choices.cfg], [1, 2], name="two")
        assert plan.ok, plan.findings
        start(here, plan)
    for engine, here in both.items():
        over = swept(here, "two")
        assert {run.state for run in over.runs.values()} == {"succeeded"}
        rows = {entry.seed: run.row for entry, run in over.runs.items()}
        seeds = [(seed, row.best, row.test) for seed, row in rows.items() if row]
        matrices[engine] = seeds, over.rows
    assert matrices["local"] == matrices["kubeflow"]
    assert [seed for seed, _, test in matrices["local"][0] if test is not None] == [1, 2]


def test_a_sweep_is_stopped_as_a_whole_on_both_engines(both: dict[str, Installation]) -> None:
    choices = replace(CHOICES, tune=False, tune_space="", overrides={**TINY_CFG, "epochs": 500})
    for here in both.values():
        write_sample(here.settings.volume, images=SAMPLE_IMAGES)
        plan = prepare_sweep(here, choices, [choices.model], [choices.cfg], [1, 2], name="long")
        start(here, plan)
        assert len(show_sweep(here, "long").live) == 2
        assert len(stop_all(here, "long").runs) == 2
        over = swept(here, "long")
        assert {run.state for run in over.runs.values()} == {"stopped"}


def swept(here: Installation, name: str) -> SweepRuns:
    """Give a sweep when all its runs are over."""
    give_up_at = time.monotonic() + GIVE_UP_S
    while (found := show_sweep(here, name)).live:
        assert time.monotonic() < give_up_at, found
        assert not found.outages
        time.sleep(1)
    return found


def kfp_shows(here: Installation, run_id: str) -> None:
    """Check what KFP's own page has to show of a run."""
    import kfp

    client = kfp.Client(host=here.settings.kfp_endpoint)
    views = kfp_page.views(client, run_id)
    kinds = {step: [view.kind for view in drawn] for step, drawn in views.items()}
    assert kinds == {
        "distribution": ["table"],
        "plot": ["web-app"],
        "train": ["web-app"],
        "test": ["table", "confusion_matrix", "web-app"],
        "tune": ["table", "web-app"],
    }
    assert set(views["train"][0].pictures) >= {"labels.jpg", "train_batch0.jpg", "results.png"}
    assert "confusion_matrix.png" in views["test"][2].pictures
    assert len(views["tune"][0].rows) == 2
    assert set(views["tune"][1].pictures) == {"tune.png"}
    names = set(kfp_page.metrics(client, run_id))
    assert {name for name in names if name.startswith("val-")}
    assert names >= {"mAP50", "mAP50-95"}


def finished(here: Installation, launch: str) -> RunDetails:
    give_up_at = time.monotonic() + GIVE_UP_S
    while time.monotonic() < give_up_at:
        run = runs.show(here, launch)
        if run.facts.state not in ("pending", "running"):
            assert run.facts.state == "succeeded", run.facts.message
            return run
        time.sleep(1)
    pytest.fail(f"{launch} is not over after {GIVE_UP_S} s")


def recorded(here: Installation, run: RunDetails, server: MlflowServer) -> dict[str, Any]:
    """Give what MLflow knows of a run, without places, times and names of the engine."""
    import mlflow

    tracking = here.tracking
    run_id = tracking.run_id(run.facts.launch)
    client = mlflow.MlflowClient(here.settings.tracking_uri)
    experiment = client.get_run(run_id).info.experiment_id
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
    params = tracking.params(run.facts.launch)
    return {
        "params": {name: value for name, value in params.items() if name not in PLACES},
        "metrics": set(tracking.history(run.facts.launch)),
        "status": client.get_run(run_id).info.status,
        "children": sorted(child.info.status for child in children),
        "artifacts": server.artifacts(run_id),
    }


def trials(folder: RunFolder) -> list[dict[str, str]]:
    """Give the trials as tuning wrote them, without the time that they took."""
    with open(folder.step("tune") / "trials.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    return [{name: row[name] for name in row if name != "seconds"} for row in rows]


def steps(run: RunDetails) -> list[tuple[str, str]]:
    return [(step.name, str(step.state)) for step in run.facts.steps]


def files(folder: RunFolder) -> set[str]:
    found = {path for path in folder.path.rglob("*") if path.is_file()}
    return {str(path.relative_to(folder.path)) for path in found}


def numbers(folder: RunFolder) -> list[dict[str, str]]:
    """Give what training measured after each epoch, without the time that it took."""
    with open(folder.results, newline="", encoding="utf-8") as file:
        rows = [
            {name.strip(): value for name, value in row.items()} for row in csv.DictReader(file)
        ]
    assert len(rows) == 2
    return [{name: value for name, value in row.items() if name != "time"} for row in rows]


def applied(folder: RunFolder) -> dict[str, Any]:
    document = json.loads((folder.step("train") / "applied.json").read_text(encoding="utf-8"))
    return {
        name: entry["applied"] for name, entry in document["settings"].items() if name not in PLACES
    }
