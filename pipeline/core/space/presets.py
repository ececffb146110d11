"""Search spaces around the current values, by what they vary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.core.cfg.schema import SCHEMA
from pipeline.core.space.form import is_real
from pipeline.core.space.search_space import AUTO_IGNORES, Dimension, SearchSpace, is_auto

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
_FEW_EPOCHS_SHARE = 5
_MOST_EPOCHS = 10  # of a trial of the default space


def preset_space(name: str, cfg: Mapping[str, Any]) -> SearchSpace:
    """Give a space around the current values: each range holds its value.

    Parameters
    ----------
    name
        One of `PRESETS`.
    cfg
        The effective cfg, see `pipeline.core.cfg.train_cfg.effective_cfg`; with ``optimizer: auto``
        lr0 and momentum are left out, since Ultralytics would not use them.
    """
    keys = [key for key in PRESETS[name] if not (is_auto(cfg) and key in AUTO_IGNORES)]
    current = {key: cfg.get(key, SCHEMA[key].default) for key in keys}
    return SearchSpace(
        {key: around(key, value) for key, value in current.items() if is_real(value)}
    )


def default_space(cfg: Mapping[str, Any]) -> SearchSpace:
    """Give what is searched when nothing is named: a fifth of the epochs a trial, at most 10."""
    full = cfg["epochs"] if is_real(cfg["epochs"]) else SCHEMA["epochs"].default
    epochs = max(1, min(_MOST_EPOCHS, round(full / _FEW_EPOCHS_SHARE)))
    return replace(preset_space("default", cfg), epochs=epochs)


def suggested(key: str, current: Any) -> Dimension:
    """Give something to search for any setting: what it can be, or a range around its value.

    Parameters
    ----------
    key
        Of a setting that takes numbers, a switch, or one of several names.
    current
        Its value in the effective cfg, which is inside when it is a number or a name.
    """
    setting = SCHEMA[key]
    if setting.kind in ("bool", "choice"):
        named = (True, False) if setting.kind == "bool" else setting.choices
        names = [name for name in named if not (key == "optimizer" and name == "auto")]
        return Dimension(choices=tuple(names))
    value = current if is_real(current) else setting.default
    least = setting.low or 0
    if not is_real(value):  # empty, which Ultralytics decides about
        return Dimension(least, least + 10, "int") if setting.kind == "int" else Dimension(0.0, 0.5)
    if key in ("imgsz", "batch"):
        return Dimension(choices=_sizes(key, value))
    if key == "fraction":
        return (
            Dimension(value // 2, value, "int") if value > 1 else Dimension(short(value / 2), value)
        )
    if setting.kind == "int" and value >= 10:
        low, high = (int(short(bound)) for bound in (value // 2, value + value // 2))
        return Dimension(max(int(least), low), high, "int")
    if setting.kind == "int":
        return Dimension(int(min(least, value)), max(10, 2 * value), "int")
    return around(key, value)


def around(key: str, value: float) -> Dimension:
    """Span a third to three times the value, or from nothing to a little, within the limits."""
    highest = SCHEMA[key].high
    top = math.inf if highest is None else highest
    if SCHEMA[key].kind == "int":
        return Dimension(0, int(min(max(10, 2 * value), top)), "int")
    if value < 1e-6:
        return Dimension(0.0, min(_FROM_ZERO.get(key, 0.5), top))
    if key in _RATES_BY_MAGNITUDE:
        return Dimension(short(value / 3), min(short(value * 3), top), "log")
    if key == "momentum":
        return Dimension(min(0.8, value), max(0.98, value))
    return Dimension(short(value / 2), min(short(value * 1.5), top))


def short(value: float) -> float:
    """Give a suggested bound as people would write it: with three significant digits."""
    return float(f"{value:.3g}")


def _sizes(key: str, value: float) -> tuple[float, ...]:
    """Give sizes that networks and GPUs like: image sides by 32 pixels, batches by doubling."""
    if key == "imgsz":
        near: set[float] = {max(32, round(value * share / 32) * 32) for share in (0.75, 1, 1.25)}
    else:
        near = {value // 2, value * 2} if value >= 2 else {8, 16}
    return tuple(sorted({*near, value}))
