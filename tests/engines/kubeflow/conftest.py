"""The engine in front of a KFP API of this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.settings import Settings
from pipeline.engines.base import Engine
from pipeline.engines.registry import make_engine
from tests.engines.kubeflow.fake_api import FakeKfp, api, kubernetes

__all__ = ["api", "kubernetes"]


@pytest.fixture
def fake_settings(api: FakeKfp, tmp_path: Path) -> Settings:
    (tmp_path / "volume").mkdir()
    return Settings(
        volume=tmp_path / "volume",
        state=tmp_path / "state",
        engine="kubeflow",
        engines=("kubeflow",),
        kfp_endpoint=api.url,
    )


@pytest.fixture
def engine(fake_settings: Settings) -> Engine:
    return make_engine(fake_settings)
