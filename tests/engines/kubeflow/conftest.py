"""The engine in front of a KFP API of this process."""

from __future__ import annotations

import json
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
    # The client reads the variable KUBECONFIG when it is imported, which may be long ago.
    place = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"
    monkeypatch.setattr(place, str(tmp_path / "kubeconfig"))
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
def kubernetes(api: FakeKfp, tmp_path: Path) -> FakeKfp:
    """Let the same server be Kubernetes: it knows what a test puts into its answers."""
    user = {"name": "test", "user": {}}
    cluster = {"name": "test", "cluster": {"server": api.url}}
    context = {"name": "test", "context": {"cluster": "test", "user": "test"}}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "users": [user],
        "clusters": [cluster],
        "contexts": [context],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(document), encoding="utf-8")
    return api


@pytest.fixture
def engine(fake_settings: Settings) -> Engine:
    return make_engine(fake_settings)
