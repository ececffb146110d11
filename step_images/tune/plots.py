"""The search in one picture: the best so far, what mattered, and each value against the metric."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib.figure import Figure

from pipeline.core.files import read_text, write_atomic
from pipeline.core.space.search_space import SearchSpace
from pipeline.core.space.trials import KEPT, Trial, best_so_far, read_trials
from pipeline.core.volume.run_folder import RunFolder

_COLUMNS = 3
_BLUE, _ORANGE = "#2F5BD7", "#D9691A"


def write_plots(folder: RunFolder, space: SearchSpace) -> None:
    """Draw ``tune.png`` from the trials and ``tune.json``."""
    trials = [
        trial
        for trial in read_trials(folder)
        if trial.state in KEPT and trial.score(space.metric) is not None
    ]
    document = json.loads(read_text(folder.tune))
    rows = math.ceil((2 + len(space.space)) / _COLUMNS)
    figure = Figure(figsize=(4 * _COLUMNS, 2.8 * rows), layout="constrained")
    axes = list(figure.subplots(rows, _COLUMNS, squeeze=False).flat)
    _history(axes[0], trials, space.metric)
    _importance(axes[1], document["importance"])
    for place, (key, dimension) in zip(axes[2:], space.space.items(), strict=False):
        _scatter(place, trials, key, space.metric, document["current"].get(key))
        if dimension.scale == "log" and not dimension.choices:
            place.set_xscale("log")
    for place in axes[2 + len(space.space) :]:
        place.set_visible(False)
    for place in axes:
        place.spines[["top", "right"]].set_visible(False)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100)
    write_atomic(folder.tune_plots, content.getvalue())


def _history(axes: Any, trials: list[Trial], metric: str) -> None:
    numbers = range(1, len(trials) + 1)
    axes.scatter(numbers, [trial.score(metric) for trial in trials], s=14, color=_BLUE)
    axes.step(numbers, best_so_far(trials, metric), where="post", color=_ORANGE)
    axes.set_title(f"best {metric} so far")
    axes.set_xlabel("trial")


def _importance(axes: Any, shares: Mapping[str, float]) -> None:
    axes.set_title("importance (PED-ANOVA)")
    if not shares:
        axes.text(0.5, 0.5, "too few trials to tell", ha="center", transform=axes.transAxes)
        return
    axes.barh(list(shares), list(shares.values()), color=_BLUE)
    axes.invert_yaxis()


def _scatter(axes: Any, trials: list[Trial], key: str, metric: str, current: Any) -> None:
    values = [trial.values[key] for trial in trials]
    if not all(isinstance(value, (int, float)) for value in [*values, current]):
        values, current = [str(value) for value in values], str(current)
    axes.scatter(values, [trial.score(metric) for trial in trials], s=14, color=_BLUE)
    axes.axvline(current, color=_ORANGE, linewidth=1, linestyle=":")
    axes.set_title(key)
    axes.set_ylabel(metric)
