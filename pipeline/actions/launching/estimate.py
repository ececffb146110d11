"""What a training will take: seconds and bytes, from earlier finished runs like it.

The time of a run is a part that each image of each epoch takes, and a fixed part: everything else,
from the claim of the folder by verify to the last number of test. Both are medians over the most
similar runs. Without such a run there is no figure: a guess would look like one.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from pipeline.actions.installation import Installation
from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_bytes, read_text
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.progress import epoch_times
from pipeline.core.volume.run_folder import RunFolder, run_folder

if TYPE_CHECKING:
    from pipeline.core.dataset.report import DatasetReport

_MOST_RUNS = 5
_LOOKED_AT = 200
_FOUND_ENOUGH = 20
_LIKE_SIZE = 2.0  # times as many images, or half
_REPORT_BYTES = 64 << 20


@dataclass(frozen=True)
class Estimate:
    """What a launch will take.

    Parameters
    ----------
    seconds
        From the first step to the last; None when no run like it has finished.
    runs
        How many runs that rests on.
    bytes
        What stays on the volume; None when that is not known.
    """

    seconds: float | None = None
    runs: int = 0
    bytes: int | None = None


@dataclass(frozen=True)
class _Past:
    """A finished training.

    Parameters
    ----------
    images
        Of the train split that were used.
    pace_s, fixed_s
        Seconds an image takes in an epoch, validation included, and of everything else.
    folder_bytes
        What its folder holds.
    """

    cfg: Mapping[str, Any]
    images: int
    pace_s: float
    fixed_s: float
    folder_bytes: int


def estimate(
    here: Installation,
    choices: Choices,
    model_path: str,
    cfg: Mapping[str, Any] | None,
    report: DatasetReport | None,
) -> Estimate:
    """Estimate a training without tuning; of other launches nothing is known.

    Parameters
    ----------
    model_path
        Relative to the volume; empty when there is none.
    cfg
        The effective cfg, checked; None when it is not acceptable.
    report
        What the dataset holds.
    """
    train = report.splits.get("train") if report else None
    if cfg is None or train is None or not model_path or not choices.train or choices.tune:
        return Estimate()
    images = _used(cfg, train.images - train.dropped_images)
    similar = _most_similar(here, choices, model_path, cfg, images)
    if not similar:
        return Estimate(bytes=_checkpoints(here.volume.root / model_path, cfg))
    seconds = median(past.pace_s for past in similar) * cfg["epochs"] * images
    if cfg["time"]:  # hours, in place of a number of epochs
        seconds = cfg["time"] * 3600
    return Estimate(
        round(median(past.fixed_s for past in similar) + seconds, 1),
        len(similar),
        round(median(past.folder_bytes for past in similar)),
    )


def _most_similar(
    here: Installation,
    choices: Choices,
    model_path: str,
    cfg: Mapping[str, Any],
    images: int,
) -> list[_Past]:
    """Give finished trainings of the same model, imgsz and devices on about as many images."""
    found: list[tuple[float, _Past]] = []
    for record, folder in _candidates(here, choices, model_path):
        past = _read_past(folder)
        if past is None or any(past.cfg[key] != cfg[key] for key in ("imgsz", "save_period")):
            continue
        sizes = abs(math.log(images / past.images)) if images and past.images else math.inf
        if sizes > math.log(_LIKE_SIZE):
            continue
        batches = [values["batch"] for values in (past.cfg, cfg)]
        batch = abs(math.log(batches[0] / batches[1])) if min(batches) > 0 else 0.0
        found.append((sizes + batch + (record.choices.data != choices.data), past))
        if len(found) == _FOUND_ENOUGH:
            break
    found.sort(key=lambda entry: entry[0])  # of equals the newest stay first
    return [past for _, past in found[:_MOST_RUNS]]


def _candidates(
    here: Installation, choices: Choices, model_path: str
) -> Iterator[tuple[Launch, RunFolder]]:
    """Give launches of such a training, newest first."""
    engine = here.settings.engine
    wanted = (model_path, Path(choices.model).stem, engine, choices.gpus)
    left = _LOOKED_AT
    for entry in here.folders.all():
        record = entry.launch
        if record is None or not record.choices.train or record.choices.tune:
            continue
        asked = record.choices
        if (record.model_path, Path(asked.model).stem, record.engine, asked.gpus) == wanted:
            yield record, run_folder(here.volume, entry.name)
            left -= 1
            if not left:
                return


def _read_past(folder: RunFolder) -> _Past | None:
    """Give what a run took; None unless it is over, or when that cannot be told."""
    try:
        finished_ns = folder.test_metrics.stat().st_mtime_ns
    except OSError:
        return None
    return _past(folder, finished_ns)


@lru_cache(maxsize=1024)
def _past(folder: RunFolder, finished_ns: int) -> _Past | None:
    from pipeline.core.cfg.train_cfg import effective_cfg  # ruamel; lists of runs do without it

    try:
        if len(json.loads(read_text(folder.attempts))) != 1:
            return None  # resumed: its times leave out what was done before, or are counted twice
        cfg = effective_cfg(read_text(folder.cfg), {})
        document = json.loads(read_bytes(folder.distribution, limit_bytes=_REPORT_BYTES))
        train = document["splits"]["train"]
        times = epoch_times(folder)
        images = _used(cfg, train["images"] - train["dropped_images"])
        train_s = times[max(times)]
        total_s = finished_ns / 1e9 - folder.owner.stat().st_mtime
        if total_s < train_s:
            return None  # a copy: its files are younger than the run
        pace_s = train_s / (max(times) * images)
        return _Past(cfg, images, pace_s, total_s - train_s, _folder_bytes(folder.path))
    except (SlipwayError, OSError, ArithmeticError, LookupError, TypeError, ValueError):
        return None  # a damaged record only costs its own figures


def _folder_bytes(path: Path) -> int:
    return sum(
        os.lstat(os.path.join(folder, name)).st_size
        for folder, _, names in os.walk(path)
        for name in names
    )


def _checkpoints(model: Path, cfg: Mapping[str, Any]) -> int | None:
    """Give the size of best, last and the kept checkpoints, each as large as the weights."""
    if model.suffix != ".pt" or not cfg["save"]:
        return None
    period = cfg["save_period"]
    kept = cfg["epochs"] // period if period > 0 else 0
    return int((2 + kept) * model.stat().st_size)


def _used(cfg: Mapping[str, Any], images: int) -> int:
    from pipeline.core.cfg.fraction import used_images

    return used_images(cfg["fraction"], images)
