from __future__ import annotations

import threading

import pytest

from pipeline.core import outages
from pipeline.core.errors import EngineUnreachable, TrackingUnreachable
from pipeline.core.outages import Outages, within


class Clock:
    """A clock that only goes on when it is told to."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(outages, "time", clock)
    return clock


class Server:
    """Answers or does not, and counts who asks."""

    def __init__(self) -> None:
        self.is_up = False
        self.asked = 0

    def answer(self) -> str:
        self.asked += 1
        if not self.is_up:
            raise TrackingUnreachable("it does not answer.", where="URI", next="Start it.")
        return "here"


def test_the_pause_before_asking_again_grows_and_one_answer_ends_it(clock: Clock) -> None:
    known, server = Outages(), Server()
    for pause_s in (2, 4, 8, 16, 32, 60, 60):
        with pytest.raises(TrackingUnreachable):
            known.ask("server", server.answer)
        before = server.asked
        clock.now += pause_s - 0.1
        with pytest.raises(TrackingUnreachable, match="does not answer") as caught:
            known.ask("server", server.answer)
        assert (server.asked, caught.value.next) == (before, "Start it.")
        clock.now += 0.2
    server.is_up = True
    assert known.ask("server", server.answer) == "here"
    server.is_up = False
    with pytest.raises(TrackingUnreachable):
        known.ask("server", server.answer)
    clock.now += 2.1
    asked = server.asked
    with pytest.raises(TrackingUnreachable):
        known.ask("server", server.answer)
    assert server.asked == asked + 1, "it begins with two seconds again"


def test_others_are_asked_meanwhile_and_whoever_insists_asks(clock: Clock) -> None:
    known, away, there = Outages(), Server(), Server()
    there.is_up = True
    with pytest.raises(TrackingUnreachable):
        known.ask("away", away.answer)
    assert known.ask("there", there.answer) == "here"
    away.is_up = True
    with pytest.raises(TrackingUnreachable):
        known.ask("away", away.answer)
    assert known.ask("away", away.answer, again=True) == "here"
    assert known.ask("away", away.answer) == "here"


def test_nobody_waits_for_who_is_still_away(clock: Clock) -> None:
    known, gate = Outages(), threading.Event()

    def silent() -> str:
        gate.wait(20)
        return "here"

    with pytest.raises(TrackingUnreachable):
        known.ask("server", Server().answer)
    clock.now += 2.1
    for _ in range(3):  # the first of them asks, in the background
        with pytest.raises(TrackingUnreachable):
            known.ask("server", silent)
    assert known.reason("server") is not None
    gate.set()
    for _ in range(200):
        if known.reason("server") is None:
            break
        threading.Event().wait(0.05)
    assert known.ask("server", lambda: "here") == "here"


def test_an_answer_that_came_in_another_way_ends_it(clock: Clock) -> None:
    known, server = Outages(), Server()
    with pytest.raises(TrackingUnreachable):
        known.ask("server", server.answer)
    server.is_up = True
    known.answered("server")
    assert known.ask("server", server.answer) == "here"


def test_another_mistake_is_no_outage(clock: Clock) -> None:
    known = Outages()

    def wrong() -> str:
        raise ValueError("wrong")

    for _ in range(2):
        with pytest.raises(ValueError, match="wrong"):
            known.ask("server", wrong)
    with pytest.raises(EngineUnreachable):
        known.ask("server", lambda: (_ for _ in ()).throw(EngineUnreachable("gone.")))


def test_nobody_waits_longer_than_they_said() -> None:
    done = threading.Event()
    with pytest.raises(TimeoutError):
        within(0.05, done.wait)
    done.set()
    assert within(5, lambda: "here") == "here"
    with pytest.raises(ValueError, match="wrong"):
        within(5, lambda: int("wrong"))
