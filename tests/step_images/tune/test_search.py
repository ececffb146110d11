"""The search on a synthetic objective: real Ray and Optuna, no training."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.core.space.search_space import Dimension, SearchSpace
from pipeline.core.space.trials import Trial, ask_to_stop, best_of, read_trials, write_trial
from pipeline.core.volume.run_folder import RunFolder
from step_images.tune.searcher import TrialSearcher, importance
from tests.step_images import synthetic
from tests.step_images.yolo_runs import ROOT
from tests.waiting import until

SPACE = SearchSpace(
    {"lr0": Dimension(1e-4, 1e-1, "log"), "box": Dimension(1.0, 9.0)},
    trials=4,
    epochs=synthetic.EPOCHS,
    scheduler="none",
    seed=3,
)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "data.yaml").write_text("names: [a]\n")
    return RunFolder(tmp_path / "run")


def run(
    folder: RunFolder, space: SearchSpace, train: str = "train"
) -> subprocess.CompletedProcess[str]:
    folder.path.mkdir(exist_ok=True)
    folder.tune_space.write_text(space.dump())
    return subprocess.run(
        [sys.executable, "-m", "tests.step_images.synthetic", folder.name, train],
        cwd=folder.path.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def seen(folder: RunFolder, trial: Trial) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        (folder.trial_folders / trial.name / "seen.json").read_text()
    )
    return document


@pytest.mark.slow
def test_each_trial_trains_with_its_own_values_in_a_process_of_its_own(folder: RunFolder) -> None:
    space = replace(SPACE, trials=3, fraction=0.5)
    first = Trial("trial-001", "done", {"lr0": 0.01, "box": 7.5}, {"mAP50-95": 0.6}, 4, 4, 1.0)
    write_trial(folder.trial_folders, first)
    write_trial(folder.trial_folders, Trial("trial-002", "running", {"lr0": 0.02, "box": 9.5}))

    assert run(folder, space).returncode == 0
    trials = read_trials(folder)

    assert trials[0] == first  # done before the search was interrupted
    assert (trials[1].state, trials[1].values) == ("failed", {"lr0": 0.02, "box": 9.5})
    assert trials[1].error.startswith("the GPU ran out of memory with imgsz=64. Search with a")
    assert (trials[2].state, trials[2].epochs) == ("done", synthetic.EPOCHS)
    here = seen(folder, trials[2])
    assert here["data"] and here["cwd"] == str(folder.path.parent)
    args = yaml.safe_load((folder.trial_folders / "trial-003" / "args.yaml").read_text())
    assert args | dict(trials[2].values) == args
    assert (args["optimizer"], args["epochs"], args["fraction"]) == ("AdamW", 4, 0.5)
    assert best_of(trials, "mAP50-95") in (trials[0], trials[2])
    assert folder.best_hyperparameters.is_file() and folder.tune.is_file()


@pytest.mark.slow
def test_a_trial_that_lags_behind_ends_early_and_one_can_be_stopped(folder: RunFolder) -> None:
    stopper = threading.Thread(target=_stop_first_when_it_runs, args=(folder,))
    stopper.start()
    assert run(folder, replace(SPACE, trials=1), "train_until_stopped").returncode == 0
    stopper.join()
    (stopped,) = read_trials(folder)
    assert (stopped.state, stopped.error) == ("stopped", "somebody stopped it.")

    good, bad = {"lr0": synthetic.BEST_LR0, "box": 3.0}, {"lr0": 1e-4, "box": 9.0}
    for number, values in ((2, good), (3, bad)):
        name = f"trial-{number:03d}"
        write_trial(folder.trial_folders, Trial(name, "interrupted", values))
    assert run(folder, replace(SPACE, trials=3, scheduler="asha")).returncode == 0
    trials = read_trials(folder)
    assert [trial.state for trial in trials] == ["stopped", "done", "pruned"]
    assert (trials[2].epochs, trials[2].error) == (2, "behind the others after 2 epochs.")
    assert seen(folder, trials[1])["pid"] != seen(folder, trials[2])["pid"]


@pytest.mark.slow
def test_a_process_that_dies_takes_only_its_trial_with_it(folder: RunFolder) -> None:
    for number, box in enumerate((1, 2, 3), start=1):
        again = Trial(f"trial-{number:03d}", "interrupted", {"lr0": 0.01, "box": float(box)})
        write_trial(folder.trial_folders, again)
    assert run(folder, replace(SPACE, trials=3), "train_until_killed").returncode == 0
    trials = read_trials(folder)
    assert [trial.state for trial in trials] == ["failed", "failed", "done"]
    killed = "its process died: it was ended by SIGKILL, as the kernel does when no memory is left."
    assert trials[0].error == killed
    assert trials[1].error.startswith("its process died: ")


@pytest.mark.slow
def test_a_trial_that_ends_slowly_keeps_its_weights_until_they_are_checked(
    folder: RunFolder,
) -> None:
    for number, box in enumerate((1.0, 3.0), start=1):
        again = Trial(f"trial-{number:03d}", "interrupted", {"lr0": 0.01, "box": box})
        write_trial(folder.trial_folders, again)
    over = run(folder, replace(SPACE, trials=2, parallel=2), "train_and_end_slowly")
    assert over.returncode == 0, over.stdout
    assert over.stdout.index("trial-002 done") < over.stdout.index("trial-001 done")
    assert [trial.state for trial in read_trials(folder)] == ["done", "done"]
    assert [path.parent.name for path in folder.trial_folders.glob("*/weights")] == ["trial-002"]


@pytest.mark.slow
def test_a_trial_that_ray_ends_for_want_of_memory_says_so(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_memory_usage_threshold", "0.001")
    assert run(folder, replace(SPACE, trials=1), "train_until_stopped").returncode == 0
    (trial,) = read_trials(folder)
    assert trial.state == "failed"
    assert trial.error.startswith("the machine ran out of memory (RAM) with imgsz=64. Search with")


@pytest.mark.slow
def test_a_search_stops_at_its_time_limit_and_keeps_what_is_done(folder: RunFolder) -> None:
    first = Trial("trial-001", "done", {"lr0": 0.01, "box": 7.5}, {"mAP50-95": 0.6}, 4, 4, 1.0)
    write_trial(folder.trial_folders, first)
    over = run(folder, replace(SPACE, trials=3, time_limit_min=0.3), "train_until_stopped")
    assert over.returncode == 0, over.stderr
    trials = read_trials(folder)
    assert trials[0] == first
    assert [trial.state for trial in trials] == ["done", "stopped"]
    assert trials[1].epochs > 0
    assert trials[1].error == "the time limit of the search was reached."
    assert "The time limit of 0.3 min was reached: 2 of 3 trials were begun." in over.stdout
    outcome = json.loads(folder.tune.read_text())
    assert [row["state"] for row in outcome["trials"]] == ["done", "stopped"]
    assert outcome["best"]["trial"] == "trial-001"
    assert yaml.safe_load(folder.best_hyperparameters.read_text()) == dict(first.values)


def _stop_first_when_it_runs(folder: RunFolder) -> None:
    until(lambda: any(trial.epochs for trial in read_trials(folder)))
    ask_to_stop(folder, "trial-001")


@pytest.mark.slow
def test_a_trial_that_was_not_trained_as_drawn_fails_the_search(folder: RunFolder) -> None:
    write_trial(folder.trial_folders, Trial("trial-001", "interrupted", {"lr0": 0.02, "box": 3.0}))
    over = run(folder, SPACE, "train_with_other_values")
    assert over.returncode == 1
    assert re.search(r"trial-001 is invalid: .*lr0: drawn 0.02, args.yaml 0.01", over.stdout)
    trials = read_trials(folder)
    assert trials[0].state == "invalid"
    assert all(trial.state != "done" for trial in trials)  # and nothing was tried after it
    assert best_of(trials, "mAP50-95") is None


def finished(space: SearchSpace, trials: int, earlier: list[Trial] | None = None) -> list[Trial]:
    """Ask the searcher for values and tell it their score, without Ray's processes."""
    searcher = TrialSearcher(space, synthetic.CURRENT, earlier or [])
    done = list(earlier or [])
    for number in range(trials):
        config = searcher.suggest(str(number))
        best = {"mAP50-95": synthetic.score(config["values"])}
        searcher.on_trial_complete(str(number), result=best)
        name = f"trial-{config['number']:03d}"
        done.append(Trial(name, "done", config["values"], best, 4, 4))
    return done


def values_of(trials: list[Trial]) -> list[Mapping[str, Any]]:
    return [trial.values for trial in trials]


@pytest.mark.parametrize(("searcher", "reaches"), [("tpe", 0.95), ("random", 0.8)])
def test_the_search_finds_a_known_best(searcher: str, reaches: float) -> None:
    space = replace(SPACE, trials=60, searcher=searcher)
    trials = finished(space, 60)
    assert trials[0].values == {"lr0": 0.01, "box": 7.5}  # as they are now
    best = best_of(trials, "mAP50-95")
    assert best and (best.score("mAP50-95") or 0) > reaches
    assert values_of(finished(space, 60)) == values_of(trials)  # the seed is fixed
    shares = importance(space, trials)
    assert sum(shares.values()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("searcher", ["tpe", "random"])
def test_a_search_goes_on_without_drawing_the_same_again(searcher: str) -> None:
    space = replace(SPACE, trials=12, searcher=searcher)
    half = finished(space, 6)
    half.append(Trial("trial-007", "interrupted", {"lr0": 0.05, "box": 2.0}))
    rest = finished(space, 6, half)[7:]
    assert [trial.name for trial in rest] == [f"trial-{n:03d}" for n in range(7, 13)]
    assert rest[0].values == {"lr0": 0.05, "box": 2.0}
    assert len({trial.values["lr0"] for trial in [*half[:6], *rest]}) == 12


def test_values_are_drawn_with_five_digits_and_the_current_ones_stay() -> None:
    low, high = 0.0123456789, 0.012347
    narrow = Dimension(low=low, high=high, scale="log")
    space = replace(SPACE, trials=20, space={**SPACE.space, "lr0": narrow})
    first, *drawn = values_of(finished(space, 20))
    assert low <= first["lr0"] <= high and first["box"] == 7.5
    for values in drawn:
        assert low <= values["lr0"] <= high
        assert values["lr0"] in (low, 0.012346, high)
        assert len(f"{values['box']:.10g}".replace(".", "")) <= 5
    exact = {**synthetic.CURRENT, "box": 7.123456789}
    searcher = TrialSearcher(SPACE, exact, [])
    assert searcher.suggest("0")["values"]["box"] == 7.123456789


def test_a_current_value_that_the_space_does_not_hold_is_not_forced_into_it() -> None:
    space = replace(SPACE, space={**SPACE.space, "box": Dimension(choices=(1.0, 2.0))})
    first = finished(space, 1)[0].values
    assert first["lr0"] == 0.01 and first["box"] in (1.0, 2.0)
