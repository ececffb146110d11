"""A training that takes no time and has a known best, and searches of it as programs of their own.

Ray leaves processes and sockets to the end of the process that started it.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from pipeline.core.errors import SlipwayError
from pipeline.core.space.search_space import load_space
from pipeline.core.space.trials import read_trial, trial_name
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.yamltext.file import load_yaml
from step_images.tune.outcome import write_outcome
from step_images.tune.search import make_setup, search
from step_images.tune.trial import Report, Setup

BEST_LR0 = 10**-2.5
EPOCHS = 4
CURRENT = {"lr0": 0.01, "box": 7.5, "optimizer": "AdamW", "epochs": 20, "imgsz": 64}


def score(values: Mapping[str, Any]) -> float:
    """Give 1 for the best values, and less the farther they are from them."""
    return 1 - abs(math.log10(values["lr0"] / BEST_LR0)) / 4 - abs(values["box"] - 3) / 20


def train(setup: Setup, path: Path, values: Mapping[str, Any], report: Report) -> None:
    """Come closer to the score with every epoch, and write what a training writes."""
    arguments = {**setup.base, **values}
    if arguments["box"] > 9:
        raise RuntimeError("CUDA out of memory. Tried to allocate 20 MiB")
    (path / "args.yaml").write_text(yaml.safe_dump(arguments))
    (path / "weights").mkdir()
    (path / "weights" / "last.pt").write_text(json.dumps(arguments))
    seen = {"pid": os.getpid(), "data": Path(arguments["data"]).is_file(), "cwd": os.getcwd()}
    (path / "seen.json").write_text(json.dumps(seen))
    os.chdir("/")  # what a trial does to its working directory is its own affair
    for epoch in range(1, EPOCHS + 1):
        now = score(values) * epoch / EPOCHS
        if report({"mAP50-95": now, "fitness": now}, epoch == EPOCHS):
            return


def train_with_torch(setup: Setup, path: Path, values: Mapping[str, Any], report: Report) -> None:
    """Import what every training imports, for what a trial costs beside its training."""
    import torch  # noqa: F401

    train(setup, path, values, report)


def train_until_stopped(
    setup: Setup, path: Path, values: Mapping[str, Any], report: Report
) -> None:
    """Train on until somebody asks the trial to stop, for a minute at most."""
    train(setup, path, values, lambda metrics, is_last: False)
    deadline = time.monotonic() + 60
    while not report({"mAP50-95": 0.5}, False) and time.monotonic() < deadline:
        time.sleep(0.05)


def train_until_killed(setup: Setup, path: Path, values: Mapping[str, Any], report: Report) -> None:
    """Lose the trial's own process, or Ray's, where the values say so."""
    if values["box"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if values["box"] == 2:
        of_ray = psutil.Process().parents()[1]
        of_ray.kill()
        time.sleep(60)
    train(setup, path, values, report)


def train_and_end_slowly(
    setup: Setup, path: Path, values: Mapping[str, Any], report: Report
) -> None:
    """Let the first trial's process end after the second, as a GPU's memory may take a while."""
    train(setup, path, values, report)
    first, second = (path.with_name(trial_name(number)) for number in (1, 2))
    if path == first:
        threading.Thread(target=_wait_until_trained, args=(second, "done", 1)).start()
    else:
        _wait_until_trained(first)


def _wait_until_trained(path: Path, state: str = "", more_s: float = 0) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(SlipwayError):  # it has not begun yet
            trial = read_trial(path)
            if trial.epochs == EPOCHS and state in ("", trial.state):
                break
        time.sleep(0.05)
    time.sleep(more_s)


def train_with_other_values(
    setup: Setup, path: Path, values: Mapping[str, Any], report: Report
) -> None:
    """Do what a tuner does that gives all trials the values of the first."""
    train(setup, path, {**values, "lr0": 0.01}, report)


def applied(path: Path) -> Mapping[str, Any]:
    """Read what `train` wrote as its checkpoint."""
    arguments: Mapping[str, Any] = json.loads((path / "weights" / "last.pt").read_text())
    return arguments


def main(folder: RunFolder, train_name: str) -> int:
    """Search the space in a run folder, below the working directory."""
    space = load_space(load_yaml(folder.tune_space))
    # Relative paths, as people give them: Ultralytics' own tuner loses them in its second trial.
    setup = make_setup(folder, space, CURRENT, Path("best.pt"), Path("data.yaml"))
    try:
        search(
            folder,
            space,
            CURRENT,
            setup,
            train=globals()[train_name],
            imports=("torch",) if train_name == "train_with_torch" else (),
            applied=applied,
            on_change=lambda: write_outcome(folder, space, CURRENT) and None,
        )
    except SlipwayError as reason:
        print(reason)
        return 1
    finally:  # as the step does
        write_outcome(folder, space, CURRENT)
    return 0


if __name__ == "__main__":
    # Not from this module, which a trial's process would not find under its name.
    from tests.step_images import synthetic

    sys.exit(synthetic.main(RunFolder(Path(sys.argv[1])), sys.argv[2]))
