"""The queue on the list of runs: its order, priorities, the pause, and when a run starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from streamlit.testing.v1 import AppTest

from pipeline.actions.installation import Installation
from pipeline.actions.launching import launches
from pipeline.actions.runs import queue
from pipeline.core.launch.choices import Choices
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.store import Store
from tests.dashboard.pages import open_page, text_of


def queue_part() -> None:
    import streamlit as st

    from dashboard.views.runs.queue import show_queue

    st.fragment(show_queue)()


def opened() -> AppTest:
    return open_page(queue_part)


def launched(here: Installation, count: int) -> list[str]:
    choices = Choices(model="yolov8n-scratch.yaml", train=False)
    plans = [launches.prepare(here, choices) for _ in range(count)]
    return [launches.submit(here, plan).id for plan in plans]


def order(here: Installation) -> list[str]:
    return [run.id for run in queue.queue(here).waiting]


def test_without_waiting_runs_there_is_nothing(here: Installation) -> None:
    assert not opened().expander


def test_runs_are_moved_and_given_another_priority(here: Installation) -> None:
    first, second, third = launched(here, 3)
    page = opened()
    page.button(key=f"Move down {first}").click().run()
    assert order(here) == [second, first, third]
    page.selectbox(key=f"priority {third}").select("high").run()
    assert not page.exception
    assert order(here) == [third, second, first]
    assert page.selectbox(key=f"priority {third}").value == "high"
    # A change by somebody else is shown, not undone.
    queue.prioritise(here, third, "low")
    page.run()
    assert page.selectbox(key=f"priority {third}").value == "low"
    assert order(here) == [second, first, third]


def test_the_queue_is_paused_and_goes_on(here: Installation) -> None:
    launched(here, 1)
    page = opened()
    page.button(key="queue_pause").click().run()
    assert queue.queue(here).is_paused
    assert "no other starts" in text_of(page)
    assert "paused" in page.expander[0].label
    page.button(key="queue_pause").click().run()
    assert not queue.queue(here).is_paused


def test_a_paused_queue_is_seen_although_nothing_waits(here: Installation) -> None:
    queue.pause(here, is_paused=True)
    assert "The queue is paused" in text_of(opened())


def test_the_start_is_judged_by_runs_like_it(here: Installation) -> None:
    past, running, _, _ = launched(here, 4)
    store = Store(Layout(here.settings.state).database)
    start = datetime.now(UTC)
    begun, end = start.isoformat(), (start + timedelta(minutes=30)).isoformat()
    store.update_step(past, "verify", state="succeeded", started_at=begun, finished_at=end)
    store.update_run(past, state="succeeded", started_at=begun, finished_at=end)
    store.update_run(running, state="running", started_at=begun)
    said = text_of(opened())
    assert "1 of 1 slot in use" in opened().expander[0].label
    assert "starts in about 30 min" in said
    assert "starts in about 1 h" in said


def test_a_run_that_started_meanwhile_says_so(here: Installation) -> None:
    first, second = launched(here, 2)
    page = opened()
    Store(Layout(here.settings.state).database).update_run(second, state="running")
    page.button(key=f"Move up {second}").click().run()
    assert not page.exception
    assert "does not wait any more" in text_of(page)
    assert order(here) == [first]
