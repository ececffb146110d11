"""The engine in front of a KFP API of this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.core.settings import Settings
from pipeline.engines.base import Engine
from pipeline.engines.registry import make_engine
from tests.engines.kubeflow.fake_api import FakeKfp, serving


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeKfp]:
    """Serve a KFP API without a Kubernetes beside it."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    with serving() as server:
        yield server


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
