"""The table of trials and its charts, from trials that nobody trained."""

from __future__ import annotations

from dataclasses import replace

from dashboard.theme import LIGHT
from dashboard.widgets.runs.trial_charts import history_chart, trials_parallel_chart, value_chart
from dashboard.widgets.runs.trials import trial_table
from pipeline.actions.runs.tuning import Tuning
from pipeline.core.space.trials import trial_name
from tests.tuned_runs import CURRENT, drawn_trial


def many(count: int) -> Tuning:
    trials = tuple(drawn_trial(number) for number in range(1, count + 1))
    return Tuning("mAP50-95", count, tuple(CURRENT), trials, CURRENT, log_scaled=frozenset(["lr0"]))


def test_the_best_so_far_only_rises_also_over_time() -> None:
    found = many(40)
    for by_time in (False, True):
        line = history_chart(found, LIGHT, by_time=by_time).data[-1]
        reached = [value for value in line.y if value is not None]
        assert reached == sorted(reached) and list(line.x) == sorted(line.x)


def test_charts_hold_only_what_counts() -> None:
    found = many(10)
    failed = replace(drawn_trial(11), state="failed")
    found = replace(found, trials=(*found.trials, failed))
    assert sum(len(part.x) for part in value_chart(found, "lr0", LIGHT).data) == 10
    (lines,) = trials_parallel_chart(found, ["lr0", "fliplr"], LIGHT).data
    assert [axis.label for axis in lines.dimensions] == ["lr0", "fliplr", "mAP50-95"]
    assert len(lines.line.color) == 10
    assert len(trial_table(found)) == 11


def test_a_setting_of_words_and_numbers_is_a_column_of_words() -> None:
    one = replace(drawn_trial(1), values={"optimizer": "SGD"})
    other = replace(drawn_trial(2), values={"optimizer": None})
    table = trial_table(Tuning("mAP50-95", 2, ("optimizer",), (one, other)))
    assert list(table["optimizer"]) == ["SGD", ""]
    assert trial_name(1) in table["trial"][0]
