"""What views work with, made once for the process and shared by all sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pipeline.core.settings import Settings, load_settings
from pipeline.core.volume import Volume

if TYPE_CHECKING:
    from pipeline.tracking.reader import Tracking

    from pipeline.engines.base import Engine


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """Give the settings of this installation."""
    return load_settings()


def volume() -> Volume:
    """Give the volume that is chosen from and that runs write to."""
    return Volume(settings().volume, settings().data_roots)


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """Give the engine; it is thread-safe."""
    from pipeline.engines.registry import make_engine  # only pages about runs need an engine

    return make_engine(settings())


@st.cache_resource(show_spinner=False)
def tracking() -> Tracking:
    """Give the reader of MLflow."""
    from pipeline.tracking.reader import Tracking  # reads MLflow; only pages about runs need it

    return Tracking(settings())


def user() -> str:
    """Say who is in front of the browser: the trusted proxy's word, else the settings'."""
    header = settings().user_header
    return (st.context.headers.get(header) if header else None) or settings().user
