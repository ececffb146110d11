"""Search spaces around the current values, by what they vary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pipeline.core.cfg_schema import SCHEMA
from pipeline.core.search_space import AUTO_IGNORES, Dimension, SearchSpace, is_auto
from pipeline.core.space_form import is_real

_RATES = ("lr0", "lrf", "momentum", "weight_decay", "warmup_epochs")
_AUGMENTATION = (
    *("hsv_h", "hsv_s", "hsv_v", "degrees", "translate", "scale", "shear", "perspective"),
    *("flipud", "fliplr", "mosaic", "mixup", "close_mosaic"),
)
_LOSSES = ("box", "cls", "dfl")
PRESETS: dict[str, tuple[str, ...]] = {
    "default": (
        *("lr0", "lrf", "momentum", "weight_decay", "hsv_v", "scale", "translate", "fliplr"),
    ),
    "learning rate": _RATES,
    "augmentation": _AUGMENTATION,
    "loss weights": _LOSSES,
    "all": (*_RATES, *_AUGMENTATION, *_LOSSES),
}
# From nothing, half is a bold try for a probability and nothing at all for an angle.
_FROM_ZERO = {"degrees": 15.0, "shear": 5.0, "perspective": 0.001, "hsv_h": 0.1}
_RATES_BY_MAGNITUDE = ("lr0", "lrf", "weight_decay")


def preset_space(name: str, cfg: Mapping[str, Any]) -> SearchSpace:
    """Give a space around the current values: each range holds its value.

    Parameters
    ----------
    name
        One of `PRESETS`.
    cfg
        The effective cfg, see `pipeline.core.train_cfg.effective_cfg`; with ``optimizer: auto``
        lr0 and momentum are left out, since Ultralytics would not use them.
    """
    keys = [key for key in PRESETS[name] if not (is_auto(cfg) and key in AUTO_IGNORES)]
    current = {key: cfg.get(key, SCHEMA[key].default) for key in keys}
    return SearchSpace(
        {key: around(key, value) for key, value in current.items() if is_real(value)}
    )


def around(key: str, value: float) -> Dimension:
    """Span a third to three times the value, or from nothing to a little, within the limits."""
    highest = SCHEMA[key].high
    top = math.inf if highest is None else highest
    if SCHEMA[key].kind == "int":
        return Dimension(0, int(min(max(10, 2 * value), top)), "int")
    if value < 1e-6:
        return Dimension(0.0, min(_FROM_ZERO.get(key, 0.5), top))
    if key in _RATES_BY_MAGNITUDE:
        return Dimension(_short(value / 3), min(_short(value * 3), top), "log")
    if key == "momentum":
        return Dimension(min(0.8, value), max(0.98, value))
    return Dimension(_short(value / 2), min(_short(value * 1.5), top))


def _short(value: float) -> float:
    return float(f"{value:.4g}")
