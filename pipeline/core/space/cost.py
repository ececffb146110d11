"""What a search costs, against the training that it follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.cfg.check import clean
from pipeline.core.cfg.schema import SCHEMA
from pipeline.core.space.edit import CHOICES, entries, setting_of
from pipeline.core.space.form import is_real


@dataclass(frozen=True)
class Cost:
    """What a search costs at most.

    Parameters
    ----------
    trials
        How many.
    epochs
        Of a trial, at most.
    share
        Of the training's images that a trial sees in an epoch.
    training_epochs
        Of the training that it follows.
    """

    trials: int
    epochs: int
    share: float
    training_epochs: int

    @property
    def all_epochs(self) -> float:
        """Epochs of the training that are as much work as all trials."""
        return self.trials * self.epochs * self.share


def cost(document: Mapping[str, Any], cfg: Mapping[str, Any]) -> Cost | None:
    """Give the cost of a search; None when trials or epochs are no numbers.

    Parameters
    ----------
    document
        What a ``tune-*.yaml`` holds.
    cfg
        The effective cfg of the training.
    """
    trials, epochs = setting_of(document, "trials"), _most(document, "epochs", cfg)
    share, full = _most(document, "fraction", cfg), cfg.get("fraction", 1.0)
    known = is_real(share) and is_real(full) and 0 < share <= 1 and 0 < full <= 1
    part = share / full if known else 1.0  # a number of images: the same for both, or not known
    if not (is_real(trials) and is_real(epochs) and is_real(cfg["epochs"]) and cfg["epochs"] > 0):
        return None
    return Cost(int(trials), int(epochs), part, int(cfg["epochs"]))


def _most(document: Mapping[str, Any], key: str, cfg: Mapping[str, Any]) -> Any:
    """Give the largest value that a trial can have."""
    entry = entries(document).get(key)
    if isinstance(entry, dict):
        found = entry[CHOICES] if isinstance(entry.get(CHOICES), list) else [entry.get("high")]
        values = [value for item in found if is_real(value := clean(key, item))]
        return max(values, default=None)
    given = document.get(key)
    return cfg.get(key, SCHEMA[key].default) if given is None else given
