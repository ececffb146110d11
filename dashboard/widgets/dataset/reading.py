"""How far the reading of a dataset is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard import services
from dashboard.i18n import tr

if TYPE_CHECKING:
    from pipeline.actions.inspections import Inspection  # polars takes a while to import

REFRESH_S = 1.0


def show_reading(path: str, found: Inspection, key: str) -> None:
    """Show what is being read of a data yaml and how far it is, and offer to stop it."""
    what = tr("Opening every image") if found.is_deep else tr("Reading lists and labels")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(
            found.done / found.total if found.total else 0.0,
            f"{what}: {found.done:,} / {found.total:,}" if found.total else what,
        )
        if st.button(tr("Stop"), icon=":material/stop:", key=key):
            services.inspections().stop(path)
