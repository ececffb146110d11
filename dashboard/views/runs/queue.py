"""The queue of the embedded engine: what starts next, when, and how to put another run first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard import services
from dashboard.errors import show_error
from dashboard.i18n import marked, tr
from dashboard.widgets.formats import duration, elapsed_s, plural
from pipeline.actions.runs import queue
from pipeline.core.errors import SlipwayError
from pipeline.engines.base import Run

_SHOWN = 10
_PRIORITIES = {
    "high": marked("high priority"),
    "normal": marked("normal priority"),
    "low": marked("low priority"),
}
_SOON_S = 5.0
_REASON = "queue_reason"


def show_queue() -> None:
    """Show slots, order and when each run starts; nothing while no run waits."""
    if _REASON in st.session_state:
        show_error(st.session_state.pop(_REASON))
    found = queue.queue(services.here())
    if not found.waiting and not found.is_paused:
        return
    used = tr("{busy} of {slots} in use", busy=found.busy, slots=plural(found.slots, "slot"))
    if found.is_paused:
        used = tr("paused")
    with st.expander(
        tr("Queue: {count} waiting · {used}", count=len(found.waiting), used=used),
        expanded=found.is_paused,
        key="runs_queue",
    ):
        _switch(found)
        for place, run in enumerate(found.waiting[:_SHOWN]):
            _entry(found, place, run)
        if len(found.waiting) > _SHOWN:
            st.caption(tr("and {count} more behind them", count=len(found.waiting) - _SHOWN))


def _switch(found: queue.Queue) -> None:
    said = tr("Runs start by priority, then in the order in which they were launched.")
    label, icon = tr("Pause the queue"), ":material/pause:"
    if found.is_paused:
        said = tr("The queue is paused: runs that have started go on, and no other starts.")
        label, icon = tr("Let it go on"), ":material/play_arrow:"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(said, width="stretch")
        st.button(
            label,
            icon=icon,
            key="queue_pause",
            on_click=_do,
            args=(partial(queue.pause, is_paused=not found.is_paused),),
        )


def _entry(found: queue.Queue, place: int, run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            tr(
                "{place}. {name} · {waiting}",
                place=place + 1,
                name=run.launch or run.id,
                waiting=_waiting(found, run),
            ),
            width="stretch",
        )
        _priority(run, found.priorities[run.id])
        is_last = place == len(found.waiting) - 1
        for label, icon, to, cannot in (
            (tr("Move up"), ":material/arrow_upward:", place - 1, place == 0),
            (tr("Move down"), ":material/arrow_downward:", place + 1, is_last),
        ):
            st.button(
                "",
                icon=icon,
                key=f"{label} {run.id}",
                help=tr("{label} in the queue", label=label),
                disabled=cannot,
                on_click=_do,
                args=(queue.move, run.id, to),
            )


def _waiting(found: queue.Queue, run: Run) -> str:
    waited = tr("waiting for {duration}", duration=duration(elapsed_s(run.created_at)))
    starts_in_s = found.starts_in_s.get(run.id)
    if starts_in_s is None:
        return waited
    soon = tr("starts soon")
    if starts_in_s >= _SOON_S:
        soon = tr("starts in about {duration}", duration=duration(starts_in_s))
    return f"{waited} · {soon}"


def _priority(run: Run, current: str) -> None:
    key = f"priority {run.id}"
    st.session_state[key] = current  # what the engine says, whoever has changed it
    st.selectbox(
        tr("Priority of {run}", run=run.launch or run.id),
        list(_PRIORITIES),
        format_func=lambda name: tr(_PRIORITIES[name]),
        key=key,
        on_change=_prioritise,
        args=(run.id, key),
        label_visibility="collapsed",
        width=150,
    )


def _prioritise(run: str, key: str) -> None:
    _do(queue.prioritise, run, st.session_state[key])


def _do(change: Callable[..., None], *words: object) -> None:
    """Change the queue before it is drawn; what stands against it is shown above it."""
    try:
        change(services.here(), *words)
    except SlipwayError as reason:
        st.session_state[_REASON] = reason
