"""Who does not answer: what is wrong, what to do, and how old what is shown is."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.widgets.findings import escape
from dashboard.widgets.formats import ago, exact
from pipeline.actions.engines import Outage
from pipeline.tracking.sync import SyncState


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


def show_sync(synced: SyncState) -> None:
    """Show that MLflow is read for the first time, or that it does not answer."""
    if synced.outage:
        known = (
            f"as of {ago(synced.as_of)} ({exact(synced.as_of)})" if synced.as_of else "not known"
        )
        known = f"What it alone has is {known}; runs on this volume are shown from their files."
        reason = escape(f"{synced.outage.message} {synced.outage.next}".strip())
        st.warning(f"**MLflow does not answer.** {known}  \n{reason}", icon=":material/cloud_off:")
    elif synced.is_running and not synced.as_of and synced.read:
        st.caption(f"Reading MLflow for the first time: {synced.read:,} runs so far.")
