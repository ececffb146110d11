"""Opening pages of the dashboard without a browser, against a private volume and state."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st

from dashboard.views import launch_preview


@pytest.fixture
def installation(volume: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose volume is a private copy of the sample; gives the volume."""
    monkeypatch.setenv("SLIPWAY_VOLUME", str(volume))
    monkeypatch.setenv("SLIPWAY_STATE", str(state))
    monkeypatch.setenv("SLIPWAY_USER", "kim")
    # Compiling in the background would go on after the test and its folders are gone.
    monkeypatch.setattr(launch_preview, "WARM_UP_DELAY_S", 3600.0)
    st.cache_resource.clear()
    st.cache_data.clear()
    return volume
