"""The sample, for a volume on which there is nothing yet."""

from __future__ import annotations

import streamlit as st

from dashboard import services
from dashboard.i18n import tr


def offer_sample() -> None:
    """Give the command that writes the sample, and a button that does the same."""
    from pipeline.core.volume.sample import write_sample

    root = services.here().settings.volume
    st.code(f"slipway sample '{root}'", language="bash")
    if st.button(tr("Write the sample here"), type="primary", icon=":material/add:"):
        write_sample(root)
        st.rerun()
