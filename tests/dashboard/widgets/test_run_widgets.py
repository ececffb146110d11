import pytest

from dashboard.theme import LIGHT
from dashboard.widgets.runs.curves import curve_chart, grouped, smoothed
from dashboard.widgets.runs.log import clean, matching
from dashboard.widgets.states import progress, state_counts, state_text
from pipeline.core.states import State
from pipeline.engines.base import Step


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_mark_and_a_word(state: State) -> None:
    mark, _, word = state_text(state).partition(" ")
    assert mark and word == state.label


def test_runs_are_counted_by_state_with_what_needs_attention_first() -> None:
    text = state_counts(["succeeded", "running", "succeeded", "failed"])
    assert text == "**1** running · **2** done · **1** failed"


def steps_in(*states: str) -> list[Step]:
    return [Step("train", State(state)) for state in states]


def test_progress_is_the_share_of_steps_that_are_over() -> None:
    steps = [
        Step("train", State(state)) for state in ("succeeded", "skipped", "running", "pending")
    ]
    assert progress(steps) == 50
    assert progress([]) == 0
    broken = [
        Step("train", State(state)) for state in ("succeeded", "failed", "skipped", "skipped")
    ]
    assert progress(broken) == 25


def test_a_log_reads_as_in_a_terminal() -> None:
    text = "\x1b[34m1/3\x1b[0m 10%\r1/3 100%\nnext\n"
    assert clean(text) == "1/3 100%\nnext\n"


def test_metrics_are_sorted_into_charts_and_none_is_lost() -> None:
    history = {"mAP50-95": [(1, 0.1)], "train/box_loss": [(1, 2.0)], "gpu": [(1, 0.5)]}
    charts = grouped(history)
    assert list(charts) == ["Accuracy", "Loss on train", "More"]
    assert sorted(name for series in charts.values() for name in series) == sorted(history)


def test_a_curve_has_epochs_from_one_and_the_best_one_marked() -> None:
    figure = curve_chart({"mAP50-95": [(1, 0.1), (2, 0.4), (3, 0.3)]}, LIGHT, 2)
    assert list(figure.data[0].x) == [1, 2, 3]
    assert figure.layout.shapes[0].x0 == 2
    assert "epoch 2" in figure.layout.annotations[0].text


def test_smoothing_starts_at_the_first_value_and_leaves_out_what_is_no_number() -> None:
    points = [(1, 2.0), (2, float("nan")), (3, 4.0)]
    averaged = smoothed(points, 0.5)
    assert [epoch for epoch, _ in averaged] == [1, 3]
    assert averaged[0][1] == 2.0 and 3.0 < averaged[1][1] < 4.0


def test_a_smoothed_curve_keeps_what_was_measured_behind_it() -> None:
    points = [(1, 1.0), (2, 3.0), (3, 1.0)]
    figure = curve_chart({"train/box_loss": points}, LIGHT, smoothing=0.9, is_log=True)
    measured, average = figure.data
    assert list(measured.y) == [1.0, 3.0, 1.0] and max(average.y) < 3.0
    assert not measured.showlegend and figure.layout.yaxis.type == "log"


LOG = [
    "WARNING no GPU",
    "epoch 1",
    "Traceback (most recent call last):",
    '  File "train.py", line 3',
    "ValueError: batch",
    "ordinary",
    "0 errors found",
]


@pytest.mark.parametrize(
    ("search", "level", "found"),
    [
        ("", "all", LOG),
        ("", "warnings", [LOG[0], *LOG[2:5]]),
        ("", "errors", LOG[2:5]),
        ("EPOCH", "all", ["epoch 1"]),
        ("epoch", "errors", []),
    ],
)
def test_lines_of_a_log_are_found_by_text_and_level(
    search: str, level: str, found: list[str]
) -> None:
    assert matching(LOG, search, level) == found
