"""The tuning of a run: its trials as they come, what they say, and what can be done with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import state
from dashboard.errors import show_error
from dashboard.i18n import tr
from dashboard.plain import Markdown, joined, plain
from dashboard.views.run.tune_parts import show_parts
from dashboard.views.runs.actions import Asked, open_dialog
from dashboard.widgets.formats import share
from dashboard.widgets.rows import chosen_before, rows_key
from dashboard.widgets.runs.trials import trial_columns, trial_table
from dashboard.widgets.runs.worth import sentence, show_worth
from pipeline.actions.runs.model import RunFacts
from pipeline.actions.runs.tuning import Tuning, stop_trial, tuning
from pipeline.actions.runs.worth import worth_of
from pipeline.core.errors import SlipwayError
from pipeline.core.launch.launch import load_launch
from pipeline.core.space.trials import KEPT, Trial
from pipeline.core.volume.run_folder import RunFolder

_TRIALS = "trials"
_STOPS = 4


def show_tune(run: RunFacts, folder: RunFolder) -> None:
    """Show a run's tuning, or what came of the values that it has from another's."""
    for worth in worth_of(folder):
        show_worth(worth)
        runs = [*worth.baseline.runs, *worth.tuned.runs]
        _link_to_worth(run.launch, worth.baseline.runs[0], worth.tuned.runs[0], runs)
    found = tuning(folder, is_over=run.state.is_finished)
    if found is None:
        st.info(_why_no_trials(run, folder), icon=":material/tune:")
        return
    _show_answer(run, found)
    if found.is_blank:
        st.info(_why_no_best(found), icon=":material/visibility_off:")
    chosen = _show_table(run, found)
    _show_buttons(run, folder, found, chosen)
    show_parts(found, folder, chosen)


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


def _why_no_trials(run: RunFacts, folder: RunFolder) -> Markdown:
    asked = load_launch(folder.launch).choices if folder.launch.is_file() else None
    if asked and not (asked.train and asked.tune):
        return tr("This run does not tune. Clone it with Tune switched on to search settings.")
    if run.state.is_finished:
        return tr("The run ended before its first trial; the log of its steps says why.")
    return tr("Trials appear here when the tune step runs, after the training.")


def _why_no_best(found: Tuning) -> Markdown:
    return joined(
        " ",
        [
            tr(
                "Nothing detected yet: {metric} is 0 in every trial that is over.",
                metric=found.metric,
            ),
            tr(
                "No trial is better than another. Train for more epochs or at a larger imgsz "
                "before tuning, or give each trial more epochs."
            ),
        ],
    )


def _show_answer(run: RunFacts, found: Tuning) -> None:
    best, before = found.best, found.first_score
    over = [trial for trial in found.trials if trial.state != "running"]
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
        score = best.score(found.metric) if best else None
        gained = None if score is None or before is None else round(score - before, 3)
        st.metric(
            tr("{metric}, best trial", metric=found.metric),
            share(score),
            help=tr("On val, after the trial's few epochs"),
            width="content",
        )
        if gained is not None:
            st.metric(
                tr("Gained"),
                f"{gained:+.3f}",
                help=tr("Over the trial with the settings as they were"),
                width="content",
            )
        st.metric(tr("Best trial"), plain(best.name if best else "–"), width="content")
        asked = max(found.asked, len(found.trials))
        st.metric(tr("Trials"), f"{len(over):,} / {asked:,}", width="content")
        if best and st.button(
            tr("Train with these values"),
            icon=":material/rocket_launch:",
            type="primary",
            key="tune.adopt_best",
            help=tr("Shows what changes in the cfg first."),
        ):
            open_dialog(Asked("adopt", [run], trial=best.name))


def _show_table(run: RunFacts, found: Tuning) -> list[Trial]:
    names = [trial.name for trial in found.trials]
    ticked = state.url_text(_TRIALS).split(",")
    event = st.dataframe(
        trial_table(found),
        hide_index=True,
        height=min(38 + 35 * len(names), 318),
        column_config=trial_columns(found),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default=chosen_before(names, ticked),
        placeholder="",
        key=rows_key("trials_table", [run.launch, *names]),
    )
    selection: Any = event["selection"]
    chosen = [found.trials[index] for index in selection["rows"]]
    state.set_url(_TRIALS, ",".join(trial.name for trial in chosen))
    return chosen


def _show_buttons(run: RunFacts, folder: RunFolder, found: Tuning, chosen: Sequence[Trial]) -> None:
    running = [trial for trial in found.trials if trial.state == "running"]
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(chosen) == 1 and chosen[0].state in KEPT:
            name = chosen[0].name
            if st.button(
                tr("Train with {trial}'s values", trial=name),
                icon=":material/rocket_launch:",
                key="tune.adopt_chosen",
            ):
                open_dialog(Asked("adopt", [run], trial=name))
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
