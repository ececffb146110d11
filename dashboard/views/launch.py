"""Launch: choose, see what follows, launch."""

from __future__ import annotations

import streamlit as st

from dashboard import services


def render() -> None:
    """Show the launch page."""
    volume = services.volume()
    model, cfg, data = st.columns(3)
    model.selectbox("Model", [choice.name for choice in volume.choices("model")])
    cfg.selectbox("Cfg", [choice.name for choice in volume.choices("cfg")])
    data.selectbox("Data", [choice.name for choice in volume.choices("data")])
