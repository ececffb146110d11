"""A sweep from the launch form, and the page of a sweep; the engine's controller is held back."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.widgets.runs.sweep_table import sweep_frame
from pipeline.actions.installation import Installation
from pipeline.actions.launching.sweep import prepare_sweep, start
from pipeline.actions.runs import queue
from pipeline.actions.runs.model import Origin, RunFacts, RunRow
from pipeline.actions.runs.sweep_runs import SweepRun, SweepRuns, show_sweep
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import load_launch
from pipeline.core.launch.sweep import Combination, Sweep, list_sweeps, load_sweep, save_sweep
from pipeline.core.settings import load_settings
from pipeline.core.states import State
from pipeline.core.volume.run_folder import run_folder
from pipeline.engines.local.layout import Layout
from tests.dashboard.pages import open_app, open_page, text_of
from tests.waiting import until

N, S = "yolov8n-scratch.yaml", "yolov8s-scratch.yaml"
FORM = {"model": N, "cfg": "cfg-custom", "data": "data-custom", "train": "false"}
LAUNCH = "launch.sweep.submit"


@pytest.fixture
def paused(installation: Path) -> Iterator[Installation]:
    """An installation whose controller works, and whose queue starts nothing."""
    made = Installation(load_settings())
    queue.pause(made, is_paused=True)
    yield made
    with suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
        controller = psutil.Process(int(Layout(made.settings.state).controller_lock.read_text()))
        controller.terminate()
        controller.wait(10)


def open_launch(**query: str) -> AppTest:
    return open_app(**{**FORM, **query})


def sweep_page() -> None:
    from dashboard.errors import guarded
    from dashboard.views.sweep.page import render

    guarded(render)()


def open_sweep(name: str = "") -> AppTest:
    return open_page(sweep_page, tag=name)


def started(here: Installation, *seeds: int, name: str = "night") -> list[str]:
    plan = prepare_sweep(
        here, Choices(train=False), [N, S], ["cfg-custom"], seeds or [0, 1], name=name
    )
    return [*start(here, plan).launches.values()]


def trained(here: Installation, launch: str, best: float) -> None:
    results = run_folder(here.volume, launch).results
    results.parent.mkdir(parents=True)
    results.write_text(f"epoch,time,metrics/mAP50-95(B)\n1,1.0,{best}\n")


def test_a_sweep_says_how_many_runs_it_makes_and_launches_them(here: Installation) -> None:
    page = open_launch()
    assert not [button for button in page.button if button.key == LAUNCH]
    page.toggle(key="form.sweep").set_value(True).run()
    page.multiselect(key="form.models").set_value([S]).run()
    page.multiselect(key="form.seeds").set_value(["0", "1", "7"]).run()
    page.text_input(key="form.sweep_name").set_value("night").run()
    assert "2 models × 1 cfg × 3 seeds = 6 runs" in text_of(page)
    assert "Ready" in text_of(page)
    assert page.button(key=LAUNCH).label == "Launch 6 runs"
    assert page.query_params["seeds"] == ["0,1,7"]
    page.button(key=LAUNCH).click().run()
    assert not page.exception
    sweep = load_sweep(here.volume, "night")
    assert sweep.user == "kim"
    assert len(here.engine().list_runs().runs) == len(sweep.launches) == 6
    last = sweep.launches[Combination(S, "cfg-custom", 7)]
    record = load_launch(run_folder(here.volume, last).launch)
    assert (record.choices.overrides, record.choices.data) == ({"seed": 7}, "data-custom")


def test_a_single_combination_is_no_sweep_yet(here: Installation) -> None:
    page = open_launch(sweep="true")
    assert page.button(key=LAUNCH).disabled
    assert "Choose a second model, cfg or seed" in text_of(page)
    assert page.multiselect(key="form.models").placeholder == f"only {N}"
    page.multiselect(key="form.seeds").set_value(["3"]).run()
    assert page.button(key=LAUNCH).disabled
    page.multiselect(key="form.seeds").set_value(["3", "4"]).run()
    assert not page.button(key=LAUNCH).disabled


def test_a_single_combination_can_join_an_earlier_sweep(here: Installation) -> None:
    started(here, 0)
    page = open_launch(sweep="true", seeds="5", sweep_name="night")
    assert page.button(key=LAUNCH).label == "Launch 1 run"
    assert not page.button(key=LAUNCH).disabled


def test_a_link_brings_the_sweep_back(here: Installation) -> None:
    page = open_launch(sweep="true", models=f"{S},{N}", seeds="0,12", sweep_name="night")
    assert page.multiselect(key="form.models").value == [S]
    assert page.multiselect(key="form.seeds").value == ["0", "12"]
    assert page.button(key=LAUNCH).label == "Launch 4 runs"


def test_mistakes_of_one_combination_stop_the_sweep_and_name_it(here: Installation) -> None:
    (here.settings.volume / "cfg-bad.yaml").write_text("epochz: 3\n", encoding="utf-8")
    page = open_launch(sweep="true", cfgs="cfg-bad", seeds="0,first")
    assert "Not ready" in text_of(page)
    assert "With cfg-bad\\: 'epochz' is not a setting" in text_of(page)
    assert "With seed first\\: " in text_of(page)
    assert page.button(key=LAUNCH).disabled
    assert not list_sweeps(here.volume)[0]


def test_a_tag_that_is_none_is_a_mistake_of_the_sweep(here: Installation) -> None:
    said = text_of(open_launch(sweep="true", seeds="0,1", sweep_name="night 9"))
    assert "'night 9' is no name of a sweep" in said
    assert ":red[:material/close:] sweep" in said and ":green[:material/check:] files" in said


def test_a_name_that_is_done_leads_to_its_sweep(here: Installation) -> None:
    started(here, 0)
    page = open_launch(sweep="true", models=S, seeds="0", sweep_name="night")
    assert "2 of these 2 runs are started, none is missing" in text_of(page)
    assert page.button(key=LAUNCH).disabled
    assert "Open the sweep" in [button.label for button in page.button]


def test_without_sweeps_the_page_teaches_what_one_is(here: Installation) -> None:
    page = open_sweep()
    assert "No sweeps yet" in text_of(page)
    assert "Go to Launch" in [button.label for button in page.button]


def test_the_list_names_what_is_damaged(here: Installation) -> None:
    started(here, 0)
    (here.settings.volume / "sweeps" / "bad.json").write_text("{", encoding="utf-8")
    page = open_sweep()
    assert list(page.dataframe[0].value["sweep"]) == ["night"]
    assert "bad.json" in page.error[0].value


def test_an_unknown_sweep_is_said_without_a_traceback(here: Installation) -> None:
    assert "There is no sweep 'none'" in open_sweep("none").error[0].value
    assert "no name of a sweep" in open_sweep("../etc").error[0].value


def test_the_matrix_has_states_and_values_so_far(here: Installation) -> None:
    first, _, third, _ = started(here)
    trained(here, first, 0.4)
    trained(here, third, 0.7)
    page = open_sweep("night")
    table = page.dataframe[0].value
    assert list(table.columns) == ["model", "mean", "seed 0", "seed 1"]
    assert list(table["model"]) == [N, S]
    assert "cfg-custom" in text_of(page)
    assert list(table["seed 1"]) == ["○ queued", "○ queued"]
    assert "**4** queued" in text_of(page)
    assert page.button(key="sweep.stop").label == "Stop all"
    assert "sweep.retry" not in [button.key for button in page.button]


def row(state: str, best: float | None = None) -> RunRow:
    metrics = {} if best is None else {"mAP50-95": best}
    return RunRow(RunFacts("launch", "run", "local", Origin.ENGINE, State(state)), metrics)


def test_the_best_run_and_the_best_mean_have_a_star() -> None:
    rows = [
        *(row("succeeded", 0.4), row("succeeded", 0.6), row("running", 0.9)),
        *(row("succeeded", 0.55), row("failed"), None),
    ]
    entries = [Combination(model, "c", seed) for model in (N, S) for seed in (0, 1, 2)]
    runs = {entry: SweepRun("", row) for entry, row in zip(entries, rows, strict=True)}
    sweep = Sweep("night", "kim", "", "local", Choices(), {})
    table = sweep_frame(SweepRuns(sweep, runs, ()))
    assert list(table["mean"]) == ["0.500 ± 0.141 (2/3)", "★ 0.550 (1/3)"]
    assert list(table["seed 0"]) == ["0.400 ✓", "0.550 ✓"]
    assert list(table["seed 1"]) == ["0.600 ✓", "✕ failed"]
    assert list(table["seed 2"]) == ["★ 0.900 ● running", "not started"]


def test_runs_that_detected_nothing_have_no_star() -> None:
    entries = [Combination(model, "c", seed) for model in (N, S) for seed in (0, 1)]
    runs = {entry: SweepRun("", row("succeeded", 0.0)) for entry in entries}
    table = sweep_frame(SweepRuns(Sweep("night", "kim", "", "local", Choices(), {}), runs, ()))
    assert list(table["mean"]) == ["0.000 ± 0.000"] * 2
    assert list(table["seed 0"]) == ["0.000 ✓"] * 2


def test_stop_all_asks_once_more_and_what_it_stopped_can_go_on(paused: Installation) -> None:
    started(paused)
    page = open_sweep("night")
    page.button(key="sweep.stop").click().run()
    assert len(show_sweep(paused, "night").live) == 4
    assert "4 runs that wait or run will be stopped" in text_of(page)
    page.button(key="sweep.stop_now").click().run()
    assert not page.exception and not page.error
    until(lambda: not show_sweep(paused, "night").live, "the runs do not stop")
    page = open_sweep("night")
    assert "**4** stopped" in text_of(page)
    assert page.button(key="sweep.retry").label == "Retry 4 failed or stopped runs"
    page.button(key="sweep.retry").click().run()
    assert not page.exception and not page.error
    assert len(show_sweep(paused, "night").live) == 4


def test_what_is_missing_can_be_started_from_the_page(here: Installation) -> None:
    started(here, 0)
    plan = prepare_sweep(here, Choices(train=False), [N, S], ["cfg-custom"], [1], name="night")
    volume = here.volume
    # As a kill between writing the record and starting leaves it.
    sweep = load_sweep(volume, "night")
    drawn = {entry: planned.launch.id for entry, planned in plan.plans.items()}
    save_sweep(volume, replace(sweep, launches={**sweep.launches, **drawn}))
    page = open_sweep("night")
    assert list(page.dataframe[0].value["seed 1"]) == ["not started", "not started"]
    assert "**2** not started" in text_of(page)
    page.button(key="sweep.resume").click().run()
    assert not page.exception and not page.error
    assert not show_sweep(here, "night").in_state(None)
    assert {run.launch for run in here.engine().list_runs().runs} >= {*drawn.values()}


def test_many_runs_are_one_table(here: Installation) -> None:
    started(here, *range(8))
    table = open_sweep("night").dataframe[0].value
    assert table.shape == (2, 10)
