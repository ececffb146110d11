"""Who does not answer: what is wrong, what to do, and how old what is shown is."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.errors import why
from dashboard.i18n import tr
from dashboard.plain import joined
from dashboard.widgets.formats import ago, exact
from pipeline.actions.last_seen import Outage
from pipeline.tracking.sync import SyncState


def show_outages(outages: Sequence[Outage]) -> None:
    """Show one banner for each engine that does not answer."""
    for outage in outages:
        seen = tr("last seen {ago} ({at})", ago=ago(outage.seen_at), at=exact(outage.seen_at))
        known = (
            tr("Its runs are shown as {seen}.", seen=seen)
            if outage.seen_at
            else tr("Its runs were never seen.")
        )
        said = joined(
            " ", [tr("**Engine {engine} does not answer.**", engine=outage.engine), known]
        )
        st.warning(
            joined("  \n", [said, why(outage)]),
            icon=":material/cloud_off:",
        )


def show_sync(synced: SyncState) -> None:
    """Show that MLflow is read for the first time, or that it does not answer."""
    if synced.outage:
        known = (
            tr("as of {ago} ({at})", ago=ago(synced.as_of), at=exact(synced.as_of))
            if synced.as_of
            else tr("not known")
        )
        known = tr(
            "What it alone has is {known}; runs on this volume are shown from their files.",
            known=known,
        )
        st.warning(
            tr(
                "**MLflow does not answer.** {known}  \n{reason}",
                known=known,
                reason=why(synced.outage),
            ),
            icon=":material/cloud_off:",
        )
    elif synced.is_running and not synced.as_of and synced.read:
        st.caption(tr("Reading MLflow for the first time: {read:,} runs so far.", read=synced.read))
