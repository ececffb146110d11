"""The tuning of a run: its trials as they come, what they say, and what can be done with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import state
from dashboard.errors import show_error
from dashboard.i18n import marked, tr
from dashboard.theme import colours
from dashboard.views.run_actions import open_dialog
from dashboard.widgets import trials as shown
from dashboard.widgets.curves import curve_chart
from dashboard.widgets.findings import escape
from dashboard.widgets.formats import plural, share
from dashboard.widgets.worth import sentence, show_worth
from pipeline.actions.tuning import (
    Tuning,
    differing_values,
    stop_trial,
    trial_curves,
    tuning,
)
from pipeline.actions.worth import worth_of
from pipeline.core.errors import SlipwayError
from pipeline.core.launch import load_launch
from pipeline.core.run_folder import RunFolder
from pipeline.core.states import State
from pipeline.core.trials import KEPT, Trial

_TRIALS = "trials"
_AXES, _CURVES, _STOPS = 6, 10, 4
_SURE = 30


def show_tune(run: dict[str, Any], folder: RunFolder) -> None:
    """Show a run's tuning, or what came of the values that it has from another's."""
    for worth in worth_of(folder):
        show_worth(worth)
        runs = [*worth.baseline.runs, *worth.tuned.runs]
        _link_to_worth(run["launch"], worth.baseline.runs[0], worth.tuned.runs[0], runs)
    found = tuning(folder, is_over=State(run["state"]).is_finished)
    if found is None:
        st.info(_why_no_trials(run, folder), icon=":material/tune:")
        return
    _show_answer(run, found)
    if found.is_blank:
        st.info(_why_no_best(found), icon=":material/visibility_off:")
    chosen = _show_table(run, found)
    _show_buttons(run, folder, found, chosen)
    parts: dict[str, Callable[[], None]] = {
        marked("Best so far"): lambda: _history(found),
        marked("Parallel"): lambda: _parallel(found),
        marked("Importance"): lambda: _importance(found),
        marked("Values"): lambda: _values(found),
        marked("Epochs"): lambda: _epochs(found, folder, chosen),
        marked("Differences"): lambda: _differences(found, chosen),
    }
    part = st.segmented_control(
        tr("More"),
        list(parts),
        format_func=tr,
        default="Best so far",
        required=True,
        key="tune_part",
        bind="query-params",
        label_visibility="collapsed",
    )
    parts[part or "Best so far"]()


def show_worth_line(folder: RunFolder) -> None:
    """Say in the head of a run what its tuning was worth, once both runs are tested."""
    measured = [worth for worth in worth_of(folder) if worth.is_measured]
    for worth in measured[:1]:
        st.caption(sentence(worth))


def _link_to_worth(this: str, baseline: str, tuned: str, runs: Sequence[str]) -> None:
    with st.container(horizontal=True):
        if st.button(
            tr("Compare both"), icon=":material/compare_arrows:", key=f"tune.compare.{tuned}"
        ):
            state.open_compare(runs)
        other = baseline if this == tuned else tuned
        title = tr("Open the tuned run") if this == baseline else tr("Open the baseline")
        if st.button(title, icon=":material/open_in_full:", key=f"tune.open.{tuned}"):
            state.open_run(other)


def _why_no_trials(run: dict[str, Any], folder: RunFolder) -> str:
    asked = load_launch(folder.launch).choices if folder.launch.is_file() else None
    if asked and not (asked.train and asked.tune):
        return tr("This run does not tune. Clone it with Tune switched on to search settings.")
    if State(run["state"]).is_finished:
        return tr("The run ended before its first trial; the log of its steps says why.")
    return tr("Trials appear here when the tune step runs, after the training.")


def _why_no_best(found: Tuning) -> str:
    return " ".join(
        (
            tr(
                "Nothing detected yet: {metric} is 0 in every trial that is over.",
                metric=found.metric,
            ),
            tr(
                "So no trial is better than another. Train for more epochs or at a larger imgsz "
                "before tuning, or give each trial more epochs."
            ),
        )
    )


def _show_answer(run: dict[str, Any], found: Tuning) -> None:
    best, before = found.best, found.first_score
    over = [trial for trial in found.trials if trial.state != "running"]
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
        score = best.score(found.metric) if best else None
        gained = None if score is None or before is None else round(score - before, 3)
        st.metric(
            tr("{metric}, best trial", metric=found.metric),
            share(score),
            None if gained is None else f"{gained:+.3f}",
            delta_color="normal" if gained else "off",
            delta_arrow="auto" if gained else "off",
            help=tr(
                "On val, after the trial's few epochs; the difference is to the trial with the "
                "settings as they were."
            ),
            width="content",
        )
        st.metric(tr("Best trial"), best.name if best else "–", width="content")
        st.metric(
            tr("Trials"), f"{len(over)} / {max(found.asked, len(found.trials))}", width="content"
        )
        if best and st.button(
            tr("Train with these values"),
            icon=":material/rocket_launch:",
            type="primary",
            key="tune.adopt_best",
            help=tr("Shows what changes in the cfg first."),
        ):
            open_dialog("adopt", [{**run, "trial": best.name}])


def _show_table(run: dict[str, Any], found: Tuning) -> list[Trial]:
    names = [trial.name for trial in found.trials]
    ticked = state.url_text(_TRIALS).split(",")
    before = [index for index, name in enumerate(names) if name in ticked]
    event = st.dataframe(
        shown.trial_table(found),
        hide_index=True,
        height=min(38 + 35 * len(names), 318),
        column_config=shown.trial_columns(found),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": before, "columns": [], "cells": []}},
        placeholder="",
        key=f"trials_table.{run['launch']}",
    )
    selection: Any = event["selection"]
    chosen = [found.trials[index] for index in selection["rows"] if index < len(names)]
    state.set_url(_TRIALS, ",".join(trial.name for trial in chosen))
    return chosen


def _show_buttons(
    run: dict[str, Any], folder: RunFolder, found: Tuning, chosen: Sequence[Trial]
) -> None:
    running = [trial for trial in found.trials if trial.state == "running"]
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(chosen) == 1 and chosen[0].state in KEPT:
            name = chosen[0].name
            if st.button(
                tr("Train with {trial}'s values", trial=name),
                icon=":material/rocket_launch:",
                key="tune.adopt_chosen",
            ):
                open_dialog("adopt", [{**run, "trial": name}])
        for trial in running[:_STOPS]:
            _offer_stop(folder, trial, is_asked=trial.name in found.stopping)
        if not chosen:
            st.caption(tr("Tick trials to see their epochs and to compare their values."))


def _offer_stop(folder: RunFolder, trial: Trial, *, is_asked: bool) -> None:
    if not st.button(
        tr("Stop {trial}", trial=trial.name),
        icon=":material/stop:",
        key=f"tune.stop.{trial.name}",
        disabled=is_asked,
        help=tr(
            "It ends after the epoch that it trains; what it reached counts, and the search goes "
            "on with the next trial."
        ),
    ):
        return
    try:
        stop_trial(folder, trial)
    except SlipwayError as reason:
        show_error(reason)
        return
    st.toast(tr("{trial} ends after the epoch that it trains.", trial=trial.name))
    st.rerun(scope="fragment")


def _history(found: Tuning) -> None:
    by_time = False
    if any(trial.started_at for trial in found.trials):
        over = st.segmented_control(
            tr("Over"),
            (marked("trials"), marked("time")),
            format_func=tr,
            default="trials",
            required=True,
            key="tune_over",
            bind="query-params",
            label_visibility="collapsed",
        )
        by_time = over == "time"
    shown.draw(shown.history_chart(found, colours(), by_time=by_time), "tune.history")


def _parallel(found: Tuning) -> None:
    keys = _by_importance(found)
    axes = st.multiselect(
        tr("Settings"), keys, default=keys[:_AXES], key="tune_axes", max_selections=12
    )
    if not any(trial.state in KEPT for trial in found.trials) or not axes:
        st.info(tr("It takes a trial that is over, and a setting."), icon=":material/tune:")
        return
    shown.draw(shown.trials_parallel_chart(found, axes, colours()), "tune.parallel")


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
        said += " " + tr("By {trials} only a hint.", trials=plural(counted, "trial"))
    st.caption(said)
    shown.draw(shown.importance_chart(found.importance, colours()), "tune.importance")


def _values(found: Tuning) -> None:
    key = st.selectbox(
        tr("Setting"), _by_importance(found), key="tune_setting", bind="query-params", width=260
    )
    if key:
        shown.draw(shown.value_chart(found, key, colours()), "tune.values")


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
    shown.draw(curve_chart(series, colours()), "tune.epochs")


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
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))
