"""What a narrow window shows of the Runs page; the style hides it in a wide one."""

from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.i18n import CHOSEN
from pipeline.actions.installation import Installation
from pipeline.actions.launching import launches
from pipeline.actions.runs.model import Origin, RunFacts, RunRow, Seeds
from pipeline.core.launch.choices import Choices
from pipeline.core.states import State
from pipeline.engines.base import Step
from pipeline.tracking.schema import LIST_METRIC
from tests.dashboard.pages import click, open_page

FOLD = "narrow-filters"
DONE = RunFacts(
    launch="night_1",
    id="night_1",
    engine="local",
    origin=Origin.ENGINE,
    state=State.SUCCEEDED,
    created_at="2026-11-29T10:00:00Z",
    started_at="2026-11-29T10:00:05Z",
    finished_at="2026-11-29T11:12:05Z",
)


def runs_page() -> None:
    from dashboard.views.runs.page import render

    render()


def compact_list(row: "RunRow") -> None:
    from dashboard.widgets.runs.compact import show_compact

    show_compact([row])


def listed(row: RunRow) -> tuple[str, str, str]:
    """Draw a row, and give its lines and where its link leads."""
    page = AppTest.from_function(compact_list, args=(row,), default_timeout=60).run()
    assert not page.exception
    (link,) = page.get("page_link")
    first, second = link.proto.label.split("  \n")
    return first, second, f"{link.proto.page}?{link.proto.query_string}"


def test_a_run_that_is_over_has_its_name_above_how_well_and_how_long() -> None:
    first, second, leads_to = listed(RunRow(DONE, metrics={LIST_METRIC: 0.6881}, test=0.671))
    assert first == ":green[✓] **night_1**"
    assert second.startswith(
        ":small[done · mAP50-95 **0.688** · test **0.671** · 1 h 12 min · "
    ) and second.endswith(" ago]")
    assert leads_to == "run?run=night_1"


def test_a_run_that_goes_on_says_how_far_it_is() -> None:
    steps = (Step("train", State.SUCCEEDED), Step("test", State.RUNNING))
    running = replace(DONE, state=State.RUNNING, finished_at="", steps=steps)
    first, second, _ = listed(RunRow(running))
    assert first.startswith(":blue[●]")
    assert second.startswith(":small[running 50 % · ")


def test_a_run_that_waits_says_since_when() -> None:
    _, second, _ = listed(RunRow(replace(DONE, state=State.PENDING, started_at="", finished_at="")))
    assert second.startswith(":small[queued · ") and second.count("·") == 1


@pytest.mark.parametrize(
    ("state", "mark"), [(State.FAILED, ":red[✕]"), (State.STOPPED, ":orange[■]")]
)
def test_what_went_wrong_is_marked(state: State, mark: str) -> None:
    first, second, _ = listed(RunRow(replace(DONE, state=state)))
    assert first.startswith(mark)
    assert second.startswith(f":small[{state.label} · 1 h 12 min · ")


def test_runs_that_are_joined_lead_to_their_comparison() -> None:
    first, _, leads_to = listed(RunRow(DONE, seeds=Seeds(("night_1", "night_2"))))
    assert first == ":green[✓] **night_1 + 1**"
    page, _, query = leads_to.partition("?")
    assert page == "compare" and parse_qs(query) == {"runs": ["night_1,night_2"]}


def test_a_name_in_the_list_is_text() -> None:
    first, _, _ = listed(RunRow(replace(DONE, launch="a*b* [c](http://x)")))
    assert r"a\*b\* \[c\](http" in first


def test_the_list_has_the_runs_of_the_table(here: Installation) -> None:
    launches.submit(here, launches.prepare(here, Choices(model="yolov8n-scratch.yaml")))
    page = open_page(runs_page)
    (link,) = page.get("page_link")
    assert page.dataframe[0].value["launch"][0] in link.proto.label


def test_the_filters_fold_away_and_say_how_many_are_in_use(here: Installation) -> None:
    page = open_page(runs_page)
    assert page.button(key=FOLD).label == "Filters"
    assert page.button(key=FOLD).icon == ":material/expand_more:"
    page = click(page, FOLD)
    assert page.button(key=FOLD).icon == ":material/expand_less:"
    page.text_input(key="runs_filter").set_value("user:kim").run()
    page.toggle(key="runs_archived").set_value(True).run()
    assert page.button(key=FOLD).label == "Filters · 2 in use"
    used = open_page(runs_page, runs_state="failed", runs_sort="oldest", runs_seeds="true")
    assert used.button(key=FOLD).label == "Filters · 3 in use"


def test_an_address_filters_alike_in_every_language(here: Installation) -> None:
    korean = AppTest.from_function(runs_page, default_timeout=60)
    korean.session_state[CHOSEN] = "ko"
    korean.query_params["runs_state"] = "failed"
    korean.query_params["runs_sort"] = "oldest"
    korean.run()
    assert not korean.exception
    assert korean.query_params["runs_state"] == ["failed"]
    assert korean.selectbox(key="form.runs_state").value == "failed"
    assert korean.selectbox(key="form.runs_sort").value == "oldest"
    old = open_page(runs_page, runs_state="실패", runs_sort="오래된 순")
    assert old.button(key=FOLD).label == "Filters"
