"""Makes engines by name; their modules are imported only when they are asked for."""

from __future__ import annotations

from importlib import import_module

from pipeline.core.engines import ENGINES
from pipeline.core.errors import UsageError
from pipeline.core.settings import Settings
from pipeline.engines.base import Engine


def make_engine(settings: Settings) -> Engine:
    """Make the engine that the settings name.

    Raises
    ------
    UsageError
        There is no such engine.
    """
    name = settings.engine
    if name not in ENGINES:
        message = f"engine '{name}' is not one of {', '.join(ENGINES)}."
        raise UsageError(message, next="Set SLIPWAY_ENGINE.")
    engine: Engine = import_module(f"pipeline.engines.{name}.engine").make(settings)
    return engine
