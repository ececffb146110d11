"""The search for better settings, beside Ultralytics' own tuner and beside Ray's bare trials."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import yaml

from pipeline.core.space.trials import read_trials
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.sample import write_sample
from tests.benchmarks.report import compare
from tests.step_images.yolo_runs import YoloRun, make_run

ROOT = Path(__file__).resolve().parents[2]
TRIALS, EPOCHS = 6, 2
FEW, MANY = 2, 10
SHARING = 4  # trials on one GPU
# Ultralytics asks for a pydantic that kfp cannot have: it gets one of its own.
PYDANTIC = "pydantic==2.11.10"
TUNER = """
import json, sys
from ray import tune
from ultralytics import YOLO, settings
settings.update({"mlflow": False, "raytune": False, "sync": False})
asked = json.loads(sys.argv[1])
space = {"lr0": tune.loguniform(5e-4, 2e-2), "fliplr": tune.choice([0.0, 0.5])}
results = YOLO(asked["model"]).tune(
    use_ray=True, space=space, iterations=asked["trials"], grace_period=asked["cfg"]["epochs"],
    search_alg="random", gpu_per_trial=asked["gpus"], **asked["cfg"])
print(json.dumps([len(results), results.num_errors]))
"""
SPACE = """\
space:
  lr0: {low: 0.0005, high: 0.02, scale: log}
  fliplr: {choices: [0.0, 0.5]}
searcher: random
scheduler: none
"""
SYNTHETIC_SPACE = """\
space:
  lr0: {low: 0.0001, high: 0.1, scale: log}
  box: {low: 1, high: 9}
searcher: random
scheduler: none
"""
BARE = """
import os, sys
os.environ.update(RAY_AIR_NEW_OUTPUT="0", RAY_USAGE_STATS_ENABLED="0")
import ray
from ray import tune

def trial(config):
    import torch
    for epoch in range(4):
        tune.report({"mAP50-95": config["lr0"]})

ray.init(address="local", num_cpus=1, include_dashboard=False, logging_level="ERROR",
         object_store_memory=80 << 20, _temp_dir=sys.argv[1])
tuner = tune.Tuner(
    tune.with_resources(trial, {"cpu": 1}), param_space={"lr0": tune.uniform(0, 1)},
    tune_config=tune.TuneConfig(metric="mAP50-95", mode="max", num_samples=int(sys.argv[2]),
                                reuse_actors=False),
    run_config=tune.RunConfig(verbose=0, storage_path=sys.argv[1] + "/results"))
assert not tuner.fit().num_errors
"""


def trials_an_hour(folder: Path) -> None:
    """Let both tuners train the same number of trials on the sample.

    On CPUs as many at a time. Ultralytics' gives each trial a whole GPU, so Slipway's does that
    first and shares one afterwards.
    """
    import torch  # the other benchmarks need no 300 MB of it

    volume, state = folder / "volume", folder / "state"
    write_sample(volume)
    (state / "outputs").mkdir(parents=True)
    run = make_run(volume, state, {"epochs": EPOCHS, "plots": False, "verbose": False})
    if run.run("train"):
        sys.exit(run.log("train"))
    gpus = min(1, torch.cuda.device_count())
    each = min(8, max(1, (os.cpu_count() or 1) - 1))  # threads that Ultralytics gives a trial
    at_once = [1, SHARING] if gpus else [(os.cpu_count() or 1) // each]
    plain_s = _timed(*_plain(run, folder, gpus))
    for parallel in at_once:
        ours_s = _ours(run, parallel)
        compare("the whole search, to YOLO.tune(use_ray=True)", plain_s, ours_s, "at most 1")


def trial_overhead(folder: Path) -> None:
    """Measure what one more trial costs where the training takes no time."""
    scratch = Path(tempfile.mkdtemp(prefix="slw-", dir="/tmp"))  # paths of sockets are short
    try:
        bare, ours = [], []
        for trials in (FEW, MANY):
            words = [sys.executable, "-c", BARE, str(scratch / str(trials)), str(trials)]
            bare.append(_timed(words, dict(os.environ)))
            ours.append(_synthetic(folder / f"of-{trials}", trials))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    each = [(times[1] - times[0]) / (MANY - FEW) for times in (bare, ours)]
    compare("one more trial, to Ray's own that imports torch", *each, "at most 1.2")


def _ours(run: YoloRun, parallel: int) -> float:
    shutil.rmtree(run.folder.trial_folders, ignore_errors=True)
    extra = f"trials: {TRIALS}\nepochs: {EPOCHS}\nparallel: {parallel}\n"
    run.folder.tune_space.write_text(SPACE + extra)
    begin = time.perf_counter()
    if run.run("tune"):
        sys.exit(run.log("tune"))
    seconds = time.perf_counter() - begin
    states = [trial.state for trial in read_trials(run.folder)]
    print(f"{TRIALS} trials of {EPOCHS} epochs, {parallel} at a time: {', '.join(states)}")
    return seconds


def _synthetic(folder: Path, trials: int) -> float:
    run = RunFolder(folder / "run")
    run.path.mkdir(parents=True)
    (folder / "data.yaml").write_text("names: [a]\n")
    run.tune_space.write_text(f"{SYNTHETIC_SPACE}trials: {trials}\n")
    words = [sys.executable, "-m", "tests.step_images.synthetic", "run", "train_with_torch"]
    seconds = _timed(words, {**os.environ, "PYTHONPATH": str(ROOT)}, folder)
    states = {trial.state for trial in read_trials(run)}
    if states != {"done"}:
        sys.exit(f"trials ended as {states}")
    return seconds


def _plain(run: YoloRun, folder: Path, gpus: int) -> tuple[list[str], dict[str, str]]:
    """Give the command of Ultralytics' tuner from the same weights, and its environment."""
    target = folder / "pydantic"
    if version("pydantic") < "2":
        command = ["uv", "pip", "install", "-q", "--target", str(target), PYDANTIC]
        subprocess.run([sys.executable, "-m", *command], check=True)
    cfg = yaml.safe_load(run.folder.cfg.read_text())
    cfg |= {"data": str(run.folder.verified_data), "project": str(folder / "plain")}
    asked = {"model": str(run.folder.weights("best")), "trials": TRIALS, "gpus": gpus, "cfg": cfg}
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(target), os.environ.get("PYTHONPATH", "")]),
        "YOLO_CONFIG_DIR": str(folder / "ultralytics"),
        "YOLO_OFFLINE": "1",
        "YOLO_AUTOINSTALL": "false",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    return [sys.executable, "-c", TUNER, json.dumps(asked)], environment


def _timed(command: list[str], environment: dict[str, str], cwd: Path = ROOT) -> float:
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command[:2])} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return time.perf_counter() - begin
