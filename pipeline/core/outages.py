"""Who does not answer, remembered so that nobody waits for them twice.

Whoever did not answer is left alone for two seconds, then four, eight and so on up to a minute; one
answer ends it. A question may have a limit of time of its own, since clients of others keep to
theirs, which may be long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from pipeline.core.errors import Unreachable

FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0
# Who is back answers within that; nobody waits longer for who was away.
PROBE_S = 0.25
_T = TypeVar("_T")


@dataclass(frozen=True)
class _Outage:
    reason: Unreachable
    pause_s: float
    until: float


class Outages:
    """Remembers who does not answer; safe for threads."""

    def __init__(self) -> None:
        self._outages: dict[Hashable, _Outage] = {}
        self._lock = threading.Lock()

    def ask(self, who: Hashable, question: Callable[[], _T], *, again: bool = False) -> _T:
        """Ask a question, unless whoever would answer has just not answered.

        While an outage lasts, they are asked in the background: the answer is given if it comes at
        once, and else ends the outage for whoever asks next.

        Parameters
        ----------
        question
            Raises `Unreachable` where there is no answer.
        again
            Ask in any case and wait, as somebody does who wants to know whether they answer.

        Raises
        ------
        Unreachable
            There is no answer, or was none a while ago.
        """
        before = self._outages.get(who)
        if before is None or again:
            return self._asked(who, question)
        if self._may_ask(who):
            with suppress(TimeoutError):
                return _begun(lambda: self._asked(who, question)).result(timeout=PROBE_S)
        reason = before.reason
        raise type(reason)(reason.message, where=reason.where, next=reason.next) from reason

    def reason(self, who: Hashable) -> Unreachable | None:
        """Give why there was no answer the last time; None when there was one."""
        before = self._outages.get(who)
        return before.reason if before else None

    def answered(self, who: Hashable) -> None:
        """Say that somebody has had an answer in another way: the outage is over."""
        with self._lock:
            self._outages.pop(who, None)

    def _may_ask(self, who: Hashable) -> bool:
        """Say whether it is time to ask again; whoever is told so is the only one."""
        with self._lock:
            before = self._outages.get(who)
            if before is None or time.monotonic() < before.until:
                return before is None
            self._outages[who] = replace(before, until=time.monotonic() + LONGEST_PAUSE_S)
            return True

    def _asked(self, who: Hashable, question: Callable[[], _T]) -> _T:
        try:
            answer = question()
        except Unreachable as reason:
            with self._lock:
                before = self._outages.get(who)
                pause_s = min(2 * before.pause_s, LONGEST_PAUSE_S) if before else FIRST_PAUSE_S
                self._outages[who] = _Outage(reason, pause_s, time.monotonic() + pause_s)
            raise
        self.answered(who)
        return answer


def within(limit_s: float, question: Callable[[], _T]) -> _T:
    """Ask a question and wait for the answer no longer than this; it goes on without anybody.

    Raises
    ------
    TimeoutError
        There was none until then.
    """
    return _begun(question).result(timeout=limit_s)


def _begun(question: Callable[[], _T]) -> Future[_T]:
    answer: Future[_T] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except BaseException as reason:  # noqa: BLE001 - it is raised where the answer is awaited
            answer.set_exception(reason)

    threading.Thread(target=ask, name="question", daemon=True).start()
    return answer
