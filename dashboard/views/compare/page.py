"""Runs side by side: which is best, what differs, how they got there."""

from __future__ import annotations

import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded, show_error
from dashboard.i18n import marked, tr
from dashboard.theme import colours, colours_of
from dashboard.views.compare.details import show_details
from dashboard.widgets.charts import draw
from dashboard.widgets.outages import show_outages
from dashboard.widgets.runs.comparison import comparison_csv, metric_table, params_table, show_chips
from dashboard.widgets.runs.curves import curve_chart
from pipeline.actions.runs.compare import (
    Comparison,
    candidates,
    differing,
    mean_curve,
    mean_values,
    seed_groups,
    side_by_side,
    values_of,
)
from pipeline.actions.runs.same_data import SameData

MAX_RUNS = 20
REFRESH_S = 3.0
_LIVE = "compare.is_live"
_MAIN_METRIC = "mAP50-95"
_DATA = {
    SameData.DIFFERENT: marked("Data: labels or lists differ."),
    SameData.LABELS: marked("Data: the same labels and lists; images were not compared."),
    SameData.SIZES: marked(
        "Data: the same labels and lists, but images of other sizes: some were replaced."
    ),
    SameData.TIMES: marked(
        "Data: the same labels, lists and image sizes, at other times: perhaps a copy."
    ),
    SameData.IMAGES: marked("Data: the same labels, lists, and image sizes and times."),
}


def render() -> None:
    """Compare the runs that the URL names."""
    chosen = _choose()
    if not chosen:
        st.subheader(tr("No runs chosen"))
        st.write(tr("Choose two runs or more above, to see which is best and what differs."))
        return
    if len(chosen) > MAX_RUNS:
        st.warning(
            tr(
                "{count} runs were asked for; the first {max_runs} are compared.",
                count=len(chosen),
                max_runs=MAX_RUNS,
            )
        )
        chosen = chosen[:MAX_RUNS]
    st.fragment(guarded(lambda: _compared(chosen)), run_every=_refresh_s(chosen))()


def _compared(chosen: list[str]) -> None:
    found = side_by_side(services.here(), chosen)
    for reason in found.missing.values():
        show_error(reason)
    if not found.runs:
        return
    st.session_state[_LIVE] = any(run.facts.is_live for run in found.runs.values())
    run_colours = colours_of([*found.runs])
    show_chips(found.runs, run_colours, colours())
    if len(found.runs) == 1:
        st.info(
            tr("Choose another run to compare this one with."), icon=":material/compare_arrows:"
        )
    groups = seed_groups(found)
    if len(groups) < len(found.runs):
        joins = st.toggle(
            tr("Join seeds"),
            key="seeds",
            bind="query-params",
            help=tr(
                "Runs that differ in nothing but their seed as one: mean ± standard deviation."
            ),
        )
        groups = groups if joins else {run: [run] for run in found.runs}
    values, baseline = _metrics(found, groups)
    left, right = st.columns([1, 1.3], gap="medium")
    with left:
        _params(found)
    with right:
        _curves(found, groups, run_colours)
    show_details(found, values, groups[baseline][0], run_colours)


def _refresh_s(chosen: list[str]) -> float | None:
    """Refresh while one of the runs is live, and until that is known."""
    is_live = st.session_state.get(_LIVE, True)
    return REFRESH_S if is_live else None


def _choose() -> list[str]:
    called, outages = candidates(services.here())
    show_outages(outages)
    key = state.seed_list(state.RUNS)
    options = list(dict.fromkeys((*called, *st.session_state[key])))
    chosen = st.multiselect(
        tr("Runs"),
        options,
        key=key,
        format_func=lambda run: called.get(run, run),
        placeholder=tr("Choose runs to compare"),
    )
    state.publish(state.RUNS, ",".join(chosen))
    return chosen


def _metrics(
    found: Comparison, groups: dict[str, list[str]]
) -> tuple[dict[str, dict[str, float]], str]:
    """Show the table of metrics; give its values by run, and the baseline's row."""
    names = list(groups)
    last = max(
        (points[-1][0] for run in found.runs.values() for points in run.history.values() if points),
        default=0,
    )
    if not last:
        st.info(
            tr("None of these runs has metrics; they come with training."), icon=":material/table:"
        )
        return {}, names[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = state.seed("value", "best", _VALUES)
        which = st.selectbox(tr("Value"), _VALUES, format_func=tr, key=key, width=140)
        state.publish("value", which, "best")
        at: str | int = which
        if which == "at epoch":
            epoch = st.number_input(
                tr("Epoch"), 1, last, min(last, 1), key="epoch", bind="query-params", width=140
            )
            at = int(epoch)
        baseline = st.selectbox(tr("Baseline"), names, index=0, key=_baseline_key(names), width=300)
        state.publish(_BASELINE, baseline, names[0])
    values = {name: values_of(run.history, at) for name, run in found.runs.items()}
    means, spreads = mean_values(values, groups)
    st.dataframe(
        metric_table(means, baseline, spreads=spreads),
        hide_index=True,
        column_config={"run": st.column_config.Column(tr("run"), pinned=True)},
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(tr("★ best of these runs; in brackets the difference to the baseline."))
        st.download_button(
            "CSV",
            comparison_csv(values, found.params),
            file_name="comparison.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    return values, baseline


_BASELINE = "baseline"
_VALUES = (marked("best"), marked("last"), marked("at epoch"))


def _baseline_key(names: list[str]) -> str:
    key = state.seed(_BASELINE, names[0], names)
    if st.session_state[key] not in names:  # it was taken out of the comparison
        state.fill(_BASELINE, names[0])
    return key


def _params(found: Comparison) -> None:
    shows_all = len(found.runs) == 1  # there is nothing for one run to differ from
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{tr('Parameters')}**")
        if not shows_all:
            shows_all = st.toggle(tr("all"), key="all", bind="query-params")
    if len(found.runs) > 1 and found.data in _DATA:
        st.caption(tr(_DATA[found.data]))
    params = found.params if shows_all else differing(found.params, counts_missing=False)
    if not params:
        st.info(tr("These runs do not differ in any parameter."), icon=":material/tune:")
        return
    pinned = {"parameter": st.column_config.Column(tr("parameter"), pinned=True)}
    st.dataframe(params_table(params), hide_index=True, column_config=pinned)


def _curves(found: Comparison, groups: dict[str, list[str]], run_colours: dict[str, str]) -> None:
    names = list(dict.fromkeys(name for run in found.runs.values() for name in run.history))
    if not names:
        return
    names.sort(key=lambda name: name != _MAIN_METRIC)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = st.selectbox(tr("Metric"), names, key="metric", bind="query-params", width=220)
        smoothing = st.slider(
            tr("Smoothing"), 0.0, 0.95, step=0.05, key="smoothing", bind="query-params", width=180
        )
    series, spreads, line_colours = {}, {}, {}
    for group, runs in groups.items():
        histories = [found.runs[run].history for run in runs]
        curves = [history[metric] for history in histories if metric in history]
        if curves:
            series[group], spreads[group] = mean_curve(curves)
            line_colours[group] = run_colours[runs[0]]
        if len(curves) < 2:
            spreads[group] = []
    figure = curve_chart(
        series, colours(), smoothing=smoothing, line_colours=line_colours, spreads=spreads
    )
    figure.update_layout(showlegend=False, height=360)
    draw(figure, "curves")
