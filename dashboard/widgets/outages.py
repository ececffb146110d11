"""Engines that do not answer: what is wrong, what to do, and how old what is shown is."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.widgets.findings import escape
from dashboard.widgets.formats import ago, exact
from pipeline.actions.engines import Outage


def show_outages(outages: Sequence[Outage]) -> None:
    """Show one banner for each engine that does not answer."""
    for outage in outages:
        seen = f"last seen {ago(outage.seen_at)} ({exact(outage.seen_at)})"
        known = f"Its runs are shown as {seen}." if outage.seen_at else "Its runs were never seen."
        parts = (f"**Engine {outage.engine} does not answer.**", known)
        st.warning(
            "  \n".join((" ".join(parts), escape(f"{outage.message} {outage.next}".strip()))),
            icon=":material/cloud_off:",
        )
