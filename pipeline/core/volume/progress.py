"""How far a training is, from the files that it writes."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from pipeline.core.files import read_text
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.yamltext.file import load_yaml

_RECENT = 10


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Parameters
    ----------
    epochs_done, epochs
        Epochs that are over, and how many there will be unless training stops early.
    left_s
        Seconds until the last epoch at the pace of the latest ones; None before the first.
    """

    epochs_done: int
    epochs: int
    left_s: float | None


def training_progress(folder: RunFolder) -> Progress | None:
    """Read how far the training of a run is; None until it has written its arguments.

    Raises
    ------
    InputError
        A file of the training cannot be read.
    """
    args = folder.step("train") / "args.yaml"
    if not args.is_file():
        return None
    epochs = int(load_yaml(args).data.get("epochs", 0))
    times = epoch_times(folder)
    if not times:
        return Progress(0, epochs, None)
    done = max(times)
    pace_s = _pace_s([times[epoch] for epoch in sorted(times)])
    return Progress(done, epochs, pace_s * max(epochs - done, 0))


def epoch_times(folder: RunFolder) -> dict[int, float]:
    """Give the seconds at which each epoch was over; a line that is being written is left out."""
    if not folder.results.is_file():
        return {}
    text = read_text(folder.results)
    rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))
    names = [name.strip() for name in rows[0]] if rows else []
    if not {"epoch", "time"} <= set(names):
        return {}
    epoch, time = names.index("epoch"), names.index("time")
    whole = [row for row in rows[1:] if len(row) == len(names)]
    return {int(float(row[epoch])): float(row[time]) for row in whole}


def _pace_s(times: list[float]) -> float:
    """Average the latest epochs; the clock of a resumed training starts at zero again."""
    starts = [0.0, *times[:-1]]
    took = [end - start if end >= start else end for start, end in zip(starts, times, strict=True)][
        -_RECENT:
    ]
    return sum(took) / len(took)
