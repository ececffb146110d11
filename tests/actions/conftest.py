"""Installations in which runs can be started and nothing trains."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.actions.installation import Installation
from pipeline.core import outages
from pipeline.core.settings import Settings
from tests.engines.kubeflow.fake_api import FakeKfp, api

__all__ = ["api"]


@pytest.fixture
def local(volume: Path, state: Path, nothing_starts: None) -> Installation:
    """An installation of which nothing starts."""
    return Installation(Settings(volume=volume, state=state, user="kim"))


@pytest.fixture
def here(local: Installation) -> Installation:
    """What most tests are about."""
    return local


@pytest.fixture
def kubeflow(
    api: FakeKfp, volume: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    monkeypatch.setattr(outages, "FIRST_PAUSE_S", 0.0)
    return Installation(
        Settings(
            volume=volume,
            state=state,
            user="kim",
            engine="kubeflow",
            engines=("kubeflow",),
            kfp_endpoint=api.url,
            pod_tracking_uri="http://mlflow:5000",
        )
    )


@pytest.fixture
def both(api: FakeKfp, volume: Path, state: Path) -> Installation:
    """An installation with both engines."""
    return Installation(
        Settings(
            volume=volume,
            state=state,
            engines=("local", "kubeflow"),
            kfp_endpoint=api.url,
            pod_tracking_uri="http://mlflow:5000",
        )
    )
