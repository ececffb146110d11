"""The comparison of runs, on runs of the real engine whose results are written by the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.theme import LIGHT, colours_of
from dashboard.widgets.runs.comparison import (
    comparison_csv,
    counts_chart,
    metric_table,
    parallel_chart,
)
from pipeline.actions.installation import Installation
from pipeline.actions.launching import launches
from pipeline.actions.runs import change
from pipeline.actions.runs.rows import listing
from pipeline.core.files import write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.settings import load_settings
from pipeline.core.volume.run_folder import RunFolder
from tests.dashboard.pages import open_page, text_of


def compare_page() -> None:
    from dashboard.views.compare.page import render

    render()


def opened(*chosen: str, **query: str) -> AppTest:
    return open_page(compare_page, runs=",".join(chosen), **query)


@pytest.fixture
def here(installation: Path) -> Iterator[Installation]:
    made = Installation(load_settings())
    yield made
    for run in listing(made).rows:
        change.stop(made, run.facts.id)
        change.delete(made, run.facts.id)


@pytest.fixture
def pair(here: Installation) -> tuple[str, str]:
    """Two launches of different models, the second with the better mAP."""
    return made(here, "n", 0.3), made(here, "s", 0.5)


def made(here: Installation, scale: str, best: float) -> str:
    choices = Choices(model=f"yolov8{scale}-scratch.yaml", train=False)
    launch = launches.prepare(here, choices)
    launches.submit(here, launch)
    folder = RunFolder(here.settings.volume / "runs" / launch.launch.id)
    folder.results.parent.mkdir(parents=True, exist_ok=True)
    rows = ["epoch,time,metrics/mAP50-95(B)", "1,1.0,0.1", f"2,2.0,{best}"]
    folder.results.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return launch.launch.id


def test_without_runs_the_page_says_what_to_do(here: Installation) -> None:
    assert "No runs chosen" in text_of(opened())


def test_the_winner_is_marked_and_others_are_held_against_the_baseline(
    pair: tuple[str, str],
) -> None:
    page = opened(*pair)
    metrics = page.dataframe[0].value.set_index("run")["mAP50-95"].to_dict()
    assert metrics == {pair[0]: "0.3", pair[1]: "★ 0.5 (+0.2)"}
    other = opened(*pair, baseline=pair[1]).dataframe[0].value.set_index("run")["mAP50-95"]
    assert other.to_dict() == {pair[0]: "0.3 (-0.2)", pair[1]: "★ 0.5"}


def test_only_parameters_that_differ_are_shown_unless_all_are_asked_for(
    pair: tuple[str, str],
) -> None:
    some = opened(*pair).dataframe[1].value
    assert "model" in set(some["parameter"])
    assert "data" not in set(some["parameter"])
    everything = opened(*pair, all="true").dataframe[1].value
    assert "data" in set(everything["parameter"])


def test_it_says_how_far_the_data_is_the_same(pair: tuple[str, str], here: Installation) -> None:
    said = "Data: the same labels and lists"
    assert any(f"{said}; images were not" in each.value for each in opened(*pair).caption)
    for name, sizes in zip(pair, "ab", strict=True):
        folder = RunFolder(here.settings.volume / "runs" / name)
        folder.images.parent.mkdir(exist_ok=True)
        write_json(folder.images, {"images": 1, "bytes": 1, "sizes": sizes, "times": "t"})
    assert any(f"{said}, but images of other" in each.value for each in opened(*pair).caption)


def test_of_a_single_run_all_parameters_are_shown(pair: tuple[str, str]) -> None:
    page = opened(pair[0])
    shown = [table.value for table in page.dataframe if "parameter" in table.value]
    assert "data" in set(shown[0]["parameter"])
    assert not page.toggle


def test_a_run_that_is_gone_is_named_and_the_other_is_shown(pair: tuple[str, str]) -> None:
    page = opened(pair[0], "20260101-0000-gone-xxxx")
    assert "20260101-0000-gone-xxxx" in text_of(page)
    assert pair[0] in set(page.dataframe[0].value["run"])
    assert "Choose another run" in text_of(page)
    assert "do not differ" not in text_of(page)


@pytest.fixture
def tested(pair: tuple[str, str], here: Installation) -> tuple[str, str]:
    """The two launches with test metrics, another cfg, and a plot of the second."""
    for run, value in zip(pair, (0.4, 0.7), strict=True):
        folder = RunFolder(here.settings.volume / "runs" / run)
        classes = {"glossy": {"mAP50-95": value}, "square": {"mAP50-95": 0.5}}
        folder.test_metrics.parent.mkdir(exist_ok=True)
        write_json(folder.test_metrics, {"split": "test", "mAP50-95": value, "classes": classes})
        folder.cfg.write_text(f"epochs: 5\nlr0: {value}\n", encoding="utf-8")
    Image.new("RGB", (8, 8)).save(folder.step("test") / "confusion_matrix.png")
    return pair


def test_classes_are_compared_with_more_as_better(tested: tuple[str, str]) -> None:
    table = opened(*tested).dataframe[2].value.set_index("run")
    assert table["glossy"].to_dict() == {tested[0]: "0.4", tested[1]: "★ 0.7 (+0.3)"}
    assert set(table["square"]) == {"0.5"}


def test_the_files_of_two_runs_are_shown_as_diffs(tested: tuple[str, str]) -> None:
    page = opened(*tested, part="Cfg and data")
    assert "-lr0: 0.4\n+lr0: 0.7" in page.code[0].value
    assert "The same in both." in [caption.value for caption in page.caption]


def test_a_plot_is_shown_of_each_run_that_has_it(tested: tuple[str, str]) -> None:
    page = opened(*tested, part="Images")
    assert page.select_slider(key="form.plot").value == "test/confusion_matrix.png"
    assert [info.value for info in page.info] == ["This run has none."]


def test_a_metric_is_drawn_over_a_parameter(tested: tuple[str, str]) -> None:
    page = opened(*tested, part="Scatter")
    assert "model" in page.selectbox(key="param").options


@pytest.fixture
def seeds(here: Installation) -> list[str]:
    """Two launches that differ in their seed alone, and one of another lr0."""
    found = [made(here, "n", best) for best in (0.3, 0.5, 0.9)]
    for run, text in zip(found, ("seed: 0", "seed: 1", "seed: 0\nlr0: 0.1"), strict=True):
        RunFolder(here.settings.volume / "runs" / run).cfg.write_text(text + "\n", encoding="utf-8")
    return found


def test_runs_that_differ_in_their_seed_can_be_one(seeds: list[str]) -> None:
    apart = opened(*seeds)
    assert set(apart.dataframe[0].value["run"]) == set(seeds)
    joined = opened(*seeds, seeds="true").dataframe[0].value.set_index("run")["mAP50-95"]
    assert joined.to_dict() == {f"{seeds[0]} + 1": "0.4 ± 0.14", seeds[2]: "★ 0.9 (+0.5)"}


def test_the_counts_of_classes_are_drawn_of_runs_that_have_them(
    pair: tuple[str, str], here: Installation
) -> None:
    folder = RunFolder(here.settings.volume / "runs" / pair[0])
    folder.distribution.parent.mkdir(exist_ok=True)
    counts = {"circle": {"instances": 3, "images": 2}}
    write_json(folder.distribution, {"splits": {"test": {"classes": counts}}})
    page = opened(*pair, part="Class counts", counts_split="test")
    assert "counted this split" not in text_of(page)


def test_bars_stand_for_the_instances_of_each_run() -> None:
    counts = {"a": {"circle": 3, "square": 1}, "b": {"circle": 2}}
    bars = counts_chart(counts, LIGHT, {"a": "#111111", "b": "#222222"}).data
    assert [(bar.name, list(bar.x), list(bar.y)) for bar in bars] == [
        ("a", ["circle", "square"], [3, 1]),
        ("b", ["circle"], [2]),
    ]


def test_parameters_and_a_metric_are_parallel_axes(tested: tuple[str, str]) -> None:
    page = opened(*tested, part="Parallel")
    assert "model" in page.multiselect(key="axes").value
    assert page.selectbox(key="last_axis").value == "mAP50-95"


def test_a_parallel_axis_takes_numbers_and_words() -> None:
    values = {"lr0": {"a": 0.1, "b": "0.2"}, "optimizer": {"a": "SGD", "b": "Adam"}}
    chart = parallel_chart(values, LIGHT, {"a": "#111111", "b": "#222222"}).data[0]
    numbers, words = chart.dimensions
    assert list(numbers["values"]) == [0.1, 0.2]
    assert (list(words["values"]), list(words.ticktext)) == ([1, 0], ["Adam", "SGD"])
    one = parallel_chart({"lr0": {"a": 1}}, LIGHT, {"a": "#111111", "b": "#222222"}).data[0]
    assert list(one.dimensions[0]["values"]) == [1]


def test_a_csv_file_has_metrics_and_parameters_of_every_run() -> None:
    text = comparison_csv({"a": {"mAP50": 0.5}, "b": {}}, {"lr0": {"a": 0.1, "b": None}}).decode()
    assert text.splitlines() == ["run,mAP50,lr0", "a,0.5,0.1", "b,,"]
    text = comparison_csv({"=a": {"@x": -0.5}}, {}).decode()
    assert text.splitlines() == ["run,'@x", "'=a,-0.5"], "no formula"


def test_a_value_too_small_for_three_decimals_is_still_told_apart() -> None:
    table = metric_table({"a": {"lr": 0.0001}, "b": {"lr": 0.0002}}, "a")
    assert list(table["lr"]) == ["0.0001", "★ 0.0002 (+0.0001)"]


def test_no_two_of_ten_runs_have_one_colour_in_whatever_order_they_were_chosen(
    here: Installation,
) -> None:
    names = [f"run-{number}" for number in range(10)]
    given = colours_of(names)
    assert len(set(given.values())) == 10
    assert colours_of(names[::-1]) == given
