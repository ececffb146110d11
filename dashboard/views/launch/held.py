"""What a drawing of the launch form makes, held in session state for the drawings to come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

from dashboard import services

T = TypeVar("T")


@dataclass
class _Entry(Generic[T]):
    signature: tuple[Any, ...]
    plan: T
    started: str = ""


class Held(Generic[T]):
    """A plan under a key of session state, until it is started.

    One that was started is replaced, except while its click is still being worked on: a double
    click finds the same plan, and the same plan twice is one run.
    """

    def __init__(self, key: str) -> None:
        self._key, self._clicked = key, f"{key}.clicked"

    def current(self, asked: tuple[Any, ...], prepare: Callable[[], T]) -> T:
        """Give the same plan as long as user, files and what is asked for are the same."""
        is_click = st.session_state.pop(self._clicked, False)
        signature = (*asked, services.user(), services.volume_signature())
        held: _Entry[T] | None = st.session_state.get(self._key)
        if held is None or held.signature != signature or (held.started and not is_click):
            held = st.session_state[self._key] = _Entry(signature, prepare())
        return held.plan

    def kept(self) -> T:
        """Give the plan that `current` gave last."""
        return self._entry().plan

    def click(self) -> None:
        """Note, before the page runs again, that the plan's button was clicked."""
        st.session_state[self._clicked] = True

    def start(self, start: Callable[[], str]) -> str:
        """Start the plan unless that is done, and give the name of what came of it."""
        held = self._entry()
        held.started = held.started or start()
        return held.started

    def _entry(self) -> _Entry[T]:
        entry: _Entry[T] = st.session_state[self._key]
        return entry
