"""The compiled pipeline of fixed settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.core.settings import Settings
from pipeline.workflow.compile import compile_workflow


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(
        volume=Path("/volume"),
        state=Path("/state"),
        user="kim",
        image_light="slipway-light:0.1.0",
        image_yolo="slipway-yolo:0.1.0",
    )


@pytest.fixture(scope="module")
def workflow(settings: Settings) -> dict[str, Any]:
    return compile_workflow(settings)
