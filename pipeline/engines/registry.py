"""Which engines there are, imported only when they are asked for."""

from __future__ import annotations

from importlib import import_module

from pipeline.core.errors import UsageError
from pipeline.core.settings import Settings
from pipeline.engines.base import Engine

_MODULES = {
    "local": "pipeline.engines.local.engine",
    "kubeflow": "pipeline.engines.kubeflow.engine",
}


def make_engine(settings: Settings, name: str = "") -> Engine:
    """Make the engine of a name, or the one that the settings name.

    Raises
    ------
    UsageError
        There is no such engine.
    """
    chosen = name or settings.engine
    if chosen not in _MODULES:
        raise UsageError(
            f"engine '{chosen}' is not one of {', '.join(_MODULES)}.", next="Set SLIPWAY_ENGINE."
        )
    engine: Engine = import_module(_MODULES[chosen]).make(settings)
    return engine
