"""A state as icon, word and colour, the same on every page; the colour is never the only sign."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence

import streamlit as st

from dashboard.i18n import marked, tr, tr_said_text
from dashboard.plain import Markdown, joined
from dashboard.theme import Colours
from dashboard.widgets.formats import duration, elapsed_s
from pipeline.core.states import State
from pipeline.engines.base import Step

_MARKS = {
    State.PENDING: "○",
    State.RUNNING: "●",
    State.SUCCEEDED: "✓",
    State.FAILED: "✕",
    State.STOPPED: "■",
    State.SKIPPED: "–",
    State.UNKNOWN: "?",
}
_INKS = {
    State.RUNNING: "blue",
    State.SUCCEEDED: "green",
    State.FAILED: "red",
    State.STOPPED: "orange",
}
# The labels of all states, for the catalogs.
LABELS = (
    *(marked("queued"), marked("running"), marked("done"), marked("failed")),
    *(marked("stopped"), marked("skipped"), marked("unknown")),
)
_ORDER = (State.RUNNING, State.PENDING, State.SUCCEEDED, State.FAILED, State.STOPPED, State.UNKNOWN)


def state_text(state: str) -> Markdown:
    """Give a state as mark and word: ``✓ done``."""
    known = State(state)
    return Markdown(f"{_MARKS[known]} {tr(known.label)}")


def state_mark(state: str) -> Markdown:
    """Give the mark of a state in its colour, for a text that has its word elsewhere."""
    known = State(state)
    return Markdown(f":{_INKS.get(known, 'gray')}[{_MARKS[known]}]")


def state_counts(states: Sequence[str]) -> Markdown:
    """Count runs by state in markdown: ``**2** running · **41** done``."""
    counts = Counter(states)
    parts = [
        Markdown(f"**{counts[state]:,}** {tr(state.label)}") for state in _ORDER if counts[state]
    ]
    return joined(" · ", parts)


def state_colour(state: str, colours: Colours) -> str:
    """Give the colour that goes with a state."""
    named = {
        State.RUNNING: colours.accent,
        State.SUCCEEDED: colours.good,
        State.FAILED: colours.bad,
        State.STOPPED: colours.warn,
    }
    return named.get(State(state), colours.muted)


def progress(steps: Sequence[Step]) -> int:
    """Give the share of steps that are over, in percent; what a failure skips is not done."""
    states = [step.state for step in steps]
    is_broken = State.FAILED in states or State.STOPPED in states
    done = sum(state is State.SUCCEEDED if is_broken else state.is_finished for state in states)
    return round(100 * done / len(states)) if states else 0


def show_steps(steps: Sequence[Step], colours: Colours) -> None:
    """Show the steps in a row with state and duration; they wrap in a narrow window."""
    boxes = "".join(_box(step, colours) for step in steps)
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:.5rem">{boxes}</div>')


def _box(step: Step, colours: Colours) -> str:
    colour = state_colour(step.state, colours)
    took = duration(elapsed_s(step.started_at, step.finished_at))
    text = state_text(step.state)
    detail = text if took == "–" else f"{text} · {took}"
    frame = f"border:1px solid {colours.border};border-left:3px solid {colour};border-radius:6px"
    return (
        f'<div title="{html.escape(tr_said_text(step.message))}" '
        f'style="flex:1 1 7.5rem;min-width:7.5rem;padding:.4rem .7rem;{frame}">'
        f'<div style="font-weight:600">{html.escape(step.name)}</div>'
        f'<div style="color:{colour};font-size:.85rem">{html.escape(detail)}</div></div>'
    )
