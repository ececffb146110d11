"""Weights that a cfg names are those that a training starts from, and nothing else is opened."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from pipeline.core.space.trials import read_trial
from step_images.train.applied import compare
from tests.step_images.yolo_runs import ROOT, YoloRun, make_run

SPACE = "space:\n  distill_model: {choices: [teacher]}\ntrials: 1\nepochs: 1\n"


def listing(*folders: Path) -> set[str]:
    """Name everything in a folder itself, and in the checkout what git does not ignore."""
    found = {f"{folder.name}/{path.name}" for folder in folders for path in folder.iterdir()}
    words = ["git", "-C", str(ROOT), "ls-files", "--others", "--exclude-standard"]
    found |= set(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())
    return found - {"paths/.pytest_cache", "main/.pytest_cache"}


@pytest.mark.slow
def test_weights_on_the_volume_are_transferred_and_nothing_is_left_elsewhere(
    trained: YoloRun, sample_volume: Path, tmp_path: Path
) -> None:
    volume = Path(shutil.copytree(sample_volume, tmp_path / "volume"))
    state = tmp_path / "state"
    (state / "outputs").mkdir(parents=True)
    source = trained.folder.weights("best")
    shutil.copyfile(source, volume / "best.pt")
    # lr0 of nothing: what comes out is what went in
    cfg = {"pretrained": "best", "epochs": 1, "lr0": 0.0, "lrf": 0.0, "optimizer": "SGD"}
    cfg |= {"warmup_epochs": 0, "weight_decay": 0.0, "source": "images", "opset": 17}
    run = make_run(volume, state, cfg)
    before = listing(volume, ROOT)
    assert run.run("train") == 0, run.log("train")

    args = yaml.safe_load((run.folder.step("train") / "args.yaml").read_text())
    assert args["pretrained"] == str(volume / "best.pt")
    assert args["source"] is None
    applied = json.loads(run.folder.applied.read_text())
    assert applied["different"] == []
    assert applied["settings"]["pretrained"]["verdict"] == "resolved"
    old, new = (
        torch.load(path, weights_only=False)["model"].float().state_dict()
        for path in (source, run.folder.weights("last"))
    )
    learned = [key for key, value in old.items() if key.endswith("conv.weight")]
    assert all(torch.allclose(old[key], new[key], atol=1e-3) for key in learned)

    assert listing(volume, ROOT) == before


@pytest.mark.slow
def test_trials_get_the_weights_that_a_space_names(trained_copy: YoloRun) -> None:
    run, weights = trained_copy, trained_copy.volume / "weights"
    weights.mkdir(exist_ok=True)
    shutil.copyfile(run.folder.weights("best"), weights / "teacher.pt")
    run.folder.tune_space.write_text(SPACE)
    before = listing(run.volume, ROOT)
    assert run.run("tune") == 0, run.log("tune")
    trial = run.folder.trial_folders / "trial-001"
    args = yaml.safe_load((trial / "args.yaml").read_text())
    assert args["distill_model"] == str(weights / "teacher.pt")
    assert read_trial(trial).values == {"distill_model": "weights/teacher.pt"}
    assert listing(run.volume, ROOT) == before


@pytest.mark.slow
@pytest.mark.parametrize("value", ["http://127.0.0.1:9/evil.pt", "/etc/passwd", "gone.pt"])
def test_a_cfg_that_changed_after_verify_is_refused_by_the_step(
    volume: Path, state: Path, value: str
) -> None:
    (state / "outputs").mkdir()
    run = make_run(volume, state, {"pretrained": value})
    assert run.run("train") == 3
    failure = json.loads(run.folder.failure("train").read_text())
    assert [finding["where"].partition(":")[0] for finding in failure["findings"]] == ["cfg.yaml"]
    assert not (run.folder.step("train") / "args.yaml").exists()


def test_ultralytics_downloads_nothing_and_opens_no_other_file(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from step_images.ultralytics_home import named_weights, prepare
prepare()
from pipeline.core.errors import InputError
from ultralytics.data import utils as data
from ultralytics.utils import SETTINGS, checks, downloads
for fetch in (checks.check_file, downloads.attempt_download_asset, data.safe_download):
    try:
        fetch("http://127.0.0.1:9/evil.pt")
    except ConnectionError as reason:
        assert "fetches nothing" in str(reason)
    else:
        raise SystemExit(f"{fetch} downloads")
folders = [Path(SETTINGS[name]) for name in ("weights_dir", "datasets_dir", "runs_dir")]
assert not any(Path.cwd() in (folder, *folder.parents) for folder in folders), folders
root = Path(sys.argv[1])
(root / "it's.pt").touch()
try:
    named_weights({"pretrained": "it's.pt"}, root)
except InputError as reason:
    assert "would open" in str(reason)
else:
    raise SystemExit("another file is opened")
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("requested", "trained_with", "verdict"),
    [
        ("best.pt", "/data/best.pt", "resolved"),
        ("weights/a.pt", "/mnt/elsewhere/weights/a.pt", "resolved"),
        ("best.pt", "/data/notbest.pt", "different"),
        ("best.pt", "best.pt", "equal"),
        ("best.pt", True, "different"),
        (False, True, "different"),
    ],
)
def test_the_path_of_the_file_that_was_asked_for_is_no_difference(
    requested: object, trained_with: object, verdict: str
) -> None:
    applied = compare({"pretrained": requested}, {}, {"pretrained": trained_with})
    assert applied["settings"]["pretrained"]["verdict"] == verdict


def test_what_no_training_uses_is_no_difference() -> None:
    applied = compare({"opset": 17, "source": "x"}, {}, {"opset": None, "source": None})
    assert applied["different"] == []
