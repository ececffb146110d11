"""Opening pages of the dashboard without a browser, against a private volume and state."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st

from pipeline.actions.installation import Installation
from pipeline.core.settings import load_settings


@pytest.fixture
def installation(volume: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose volume is a private copy of the sample; gives the volume."""
    monkeypatch.setenv("SLIPWAY_VOLUME", str(volume))
    monkeypatch.setenv("SLIPWAY_STATE", str(state))
    monkeypatch.setenv("SLIPWAY_USER", "kim")
    st.cache_resource.clear()
    st.cache_data.clear()
    return volume


@pytest.fixture
def here(installation: Path, nothing_starts: None) -> Installation:
    """The installation, of which nothing starts."""
    return Installation(load_settings())
