"""Engines to test against; none of them leaves a process behind."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.settings import Settings
from pipeline.engines.base import Engine
from pipeline.engines.local.engine import LocalEngine
from pipeline.engines.registry import make_engine
from tests.engines import documents
from tests.kfp_backend import (
    delete_claim,
    kfp_core,
    kfp_endpoint,
    kfp_settings,
    kfp_volume,
)
from tests.processes import end_processes_of, processes_of
from tests.waiting import until

__all__ = ["kfp_core", "kfp_endpoint", "kfp_settings", "kfp_volume"]


@pytest.fixture(autouse=True)
def _own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "token", secrets.token_hex(4))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SLIPWAY_STOP_GRACE_S", "1")
    (tmp_path / "volume").mkdir()
    return Settings(volume=tmp_path / "volume", state=tmp_path / "state", gpu_slots=0)


@pytest.fixture
def local_engine(settings: Settings) -> Iterator[Engine]:
    with local_engine_of(settings) as engine:
        yield engine


@contextmanager
def local_engine_of(settings: Settings) -> Iterator[LocalEngine]:
    """Give an engine, and leave neither runs nor processes of it."""
    engine = make_engine(settings)
    assert isinstance(engine, LocalEngine)
    yield engine
    for run in engine.list_runs(limit=1000).runs:
        engine.delete(run.id)
    until(lambda: not list((settings.state / "engine" / "runs").glob("*")), "runs stay")
    end_processes_of(settings.state)
    until(lambda: not processes_of(settings.state), "processes are left behind")


@pytest.fixture
def kubeflow_engine(kfp_settings: Settings, kfp_core: Any) -> Iterator[Engine]:
    engine = make_engine(kfp_settings)
    yield engine
    for run in documents.own_runs(engine):
        engine.delete(run.id)
    delete_claim(kfp_core, documents.claim())
