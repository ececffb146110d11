"""What the trials of a run say together: charts, and two or more of them side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.i18n import marked, tr
from dashboard.plain import joined
from dashboard.theme import colours
from dashboard.widgets.charts import draw
from dashboard.widgets.choosing import one_of
from dashboard.widgets.formats import plural
from dashboard.widgets.parts import show_one
from dashboard.widgets.runs import trial_charts as charts
from dashboard.widgets.runs.curves import curve_chart
from pipeline.actions.runs.tuning import Tuning, differing_values, trial_curves
from pipeline.core.space.trials import KEPT, Trial
from pipeline.core.volume.run_folder import RunFolder

_AXES, _CURVES = 6, 10
_SURE = 30


def show_parts(found: Tuning, folder: RunFolder, chosen: Sequence[Trial]) -> None:
    """Show one of the parts, which the URL keeps.

    Parameters
    ----------
    chosen
        The trials that are ticked in the table.
    """
    parts: dict[str, Callable[[], None]] = {
        marked("Best so far"): lambda: _history(found),
        marked("Parallel"): lambda: _parallel(found),
        marked("Importance"): lambda: _importance(found),
        marked("Values"): lambda: _values(found),
        marked("Epochs"): lambda: _epochs(found, folder, chosen),
        marked("Differences"): lambda: _differences(found, chosen),
    }
    show_one(parts, key="tune_part", has_label=False)


def _history(found: Tuning) -> None:
    by_time = False
    if any(trial.started_at for trial in found.trials):
        offered = {"trials": tr("trials"), "time": tr("time")}
        over = one_of(tr("Over"), offered, "tune_over", has_label=False, in_url=True)
        by_time = over == "time"
    draw(charts.history_chart(found, colours(), by_time=by_time), "tune.history")


def _parallel(found: Tuning) -> None:
    keys = _by_importance(found)
    axes = st.multiselect(
        tr("Settings"), keys, default=keys[:_AXES], key="tune_axes", max_selections=12
    )
    if not any(trial.state in KEPT for trial in found.trials) or not axes:
        st.info(tr("It takes a trial that is over, and a setting."), icon=":material/tune:")
        return
    draw(charts.trials_parallel_chart(found, axes, colours()), "tune.parallel")


def _importance(found: Tuning) -> None:
    if not found.importance:
        st.info(
            tr("It takes four trials that are over and differ in {metric}.", metric=found.metric),
            icon=":material/tune:",
        )
        return
    counted = sum(trial.state in KEPT for trial in found.trials)
    said = tr("How much each setting has to do with being among the best tenth (PED-ANOVA).")
    if counted < _SURE:
        hint = tr("By {trials} only a hint.", trials=plural(counted, "trial"))
        said = joined(" ", [said, hint])
    st.caption(said)
    draw(charts.importance_chart(found.importance, colours()), "tune.importance")


def _values(found: Tuning) -> None:
    key = st.selectbox(
        tr("Setting"), _by_importance(found), key="tune_setting", bind="query-params", width=260
    )
    if key:
        draw(charts.value_chart(found, key, colours()), "tune.values")


def _epochs(found: Tuning, folder: RunFolder, chosen: Sequence[Trial]) -> None:
    best = [found.best.name] if found.best else []
    names = [trial.name for trial in chosen[:_CURVES]] or [*dict.fromkeys([*best, "trial-001"])]
    by_metric = trial_curves(folder, names)
    if not by_metric:
        st.info(tr("None of these trials has trained an epoch."), icon=":material/show_chart:")
        return
    offered = sorted(by_metric, key=lambda name: name != found.metric)
    metric = st.selectbox(tr("Metric"), offered, key="tune_metric", bind="query-params", width=260)
    series = {
        name: list(enumerate(values, start=1))
        for name, values in by_metric.get(metric or offered[0], {}).items()
    }
    if len(chosen) > _CURVES:
        st.caption(tr("The first {count} of the ticked trials.", count=_CURVES))
    elif not chosen:
        shows_best = tr("The best trial and the first; tick others to see theirs.")
        st.caption(shows_best if best else tr("The first trial; tick others to see theirs."))
    draw(curve_chart(series, colours()), "tune.epochs")


def _differences(found: Tuning, chosen: Sequence[Trial]) -> None:
    first = [trial for trial in found.trials[:1] if trial != found.best]
    compared = list(chosen) or [*first, *([found.best] if found.best else [])]
    if len(compared) < 2:
        st.info(tr("Tick two trials or more to compare them."), icon=":material/compare_arrows:")
        return
    if not chosen:
        st.caption(tr("The first trial beside the best; tick others to compare them."))
    scores = {trial.name: _text(trial.score(found.metric)) for trial in compared}
    rows = {found.metric: scores, **differing_values(compared)}
    table = pd.DataFrame(
        [
            {"setting": key, **{name: _text(value) for name, value in row.items()}}
            for key, row in rows.items()
        ]
    )
    pinned = {"setting": st.column_config.Column(tr("setting"), pinned=True)}
    st.dataframe(table, hide_index=True, column_config=pinned)


def _by_importance(found: Tuning) -> list[str]:
    return [*dict.fromkeys((*found.importance, *found.settings))]


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
