"""The queue of the embedded engine: what starts next, and how to put another run first."""

from __future__ import annotations

import streamlit as st

from dashboard import services
from dashboard.errors import show_error
from dashboard.i18n import tr
from dashboard.widgets.findings import escape
from dashboard.widgets.formats import duration, elapsed_s, plural
from pipeline.actions import queue
from pipeline.core.errors import SlipwayError
from pipeline.engines.base import Run

_SHOWN = 10


def show_queue() -> None:
    """Show slots and order; nothing while no run waits."""
    found = queue.queue(services.settings())
    if not found.waiting:
        return
    used = tr("{busy} of {slots} in use", busy=found.busy, slots=plural(found.slots, "slot"))
    with st.expander(
        tr("Queue: {count} waiting · {used}", count=len(found.waiting), used=used),
        key="runs_queue",
    ):
        for place, run in enumerate(found.waiting[:_SHOWN]):
            _entry(place, run, is_last=place == len(found.waiting) - 1)
        if len(found.waiting) > _SHOWN:
            st.caption(tr("and {count} more behind them", count=len(found.waiting) - _SHOWN))


def _entry(place: int, run: Run, *, is_last: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        name = escape(run.launch or run.id)
        st.markdown(
            tr(
                "{place}. {name} · waiting for {duration}",
                place=place + 1,
                name=name,
                duration=duration(elapsed_s(run.created_at)),
            ),
            width="stretch",
        )
        for label, icon, to, cannot in (
            (tr("Move up"), ":material/arrow_upward:", place - 1, place == 0),
            (tr("Move down"), ":material/arrow_downward:", place + 1, is_last),
        ):
            key = f"{label} {run.id}"
            if st.button(
                "",
                icon=icon,
                key=key,
                help=tr("{label} in the queue", label=label),
                disabled=cannot,
            ):
                _move(run.id, to)


def _move(run: str, place: int) -> None:
    try:
        queue.move(services.settings(), run, place)
    except SlipwayError as reason:
        show_error(reason)
        return
    st.rerun(scope="fragment")
