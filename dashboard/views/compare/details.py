"""Below the comparison: test metrics by class, plots side by side, files, and a scatter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import state
from dashboard.i18n import marked, tr
from dashboard.plain import plain
from dashboard.theme import colours
from dashboard.views.compare.mistakes import show_pair
from dashboard.widgets.charts import draw
from dashboard.widgets.choosing import one_of
from dashboard.widgets.parts import show_one
from dashboard.widgets.runs.comparison import (
    counts_chart,
    metric_table,
    parallel_chart,
    scatter_chart,
)
from dashboard.widgets.runs.results import IMAGES
from pipeline.actions.runs.compare import Comparison, class_counts, differing, file_diffs

_Values = Mapping[str, Mapping[str, float]]
_AXES = 5
_DIGESTS = ("sha256.", "dataset_fingerprint")
_CLASS_METRICS = ("mAP50-95", "mAP50", "precision", "recall")


def show_details(
    found: Comparison,
    values: _Values,
    baseline: str,
    run_colours: Mapping[str, str],
) -> None:
    """Show the part that is open.

    Parameters
    ----------
    found
        The runs.
    values
        By run the metrics of the table above.
    baseline
        The run that the others are held against.
    run_colours
        The colour of each run.
    """
    parts: dict[str, Callable[[], None]] = {
        marked("By class"): lambda: _by_class(found, baseline),
        marked("Mistakes"): lambda: _mistakes(found, baseline),
        marked("Images"): lambda: _images(found),
        marked("Cfg and data"): lambda: _files(found, baseline),
        marked("Class counts"): lambda: _counts(found, run_colours),
        marked("Scatter"): lambda: _over(_scatter, found, values, run_colours),
        marked("Parallel"): lambda: _over(_parallel, found, values, run_colours),
    }
    show_one(parts, key="part")


def _by_class(found: Comparison, baseline: str) -> None:
    metric = st.selectbox(
        tr("Metric by class"), _CLASS_METRICS, key="class_metric", bind="query-params", width=220
    )
    table = {name: run.tested.by_class(metric) for name, run in found.runs.items()}
    tested = {run: values for run, values in table.items() if values}
    if not tested:
        st.info(tr("None of these runs has been tested yet."), icon=":material/rule:")
        return
    st.dataframe(
        metric_table(tested, baseline, metric),
        hide_index=True,
        column_config={"run": st.column_config.Column(tr("run"), pinned=True)},
    )
    splits = {found.runs[run].tested.split for run in tested}
    st.caption(tr("best.pt on split: {splits}.", splits=", ".join(sorted(splits))))
    if len({found.runs[run].facts.data for run in tested}) > 1 or len(splits) > 1:
        st.warning(tr("These runs were tested on different data: their values do not compare."))


def _images(found: Comparison) -> None:
    folders = {name: run.facts.folder for name, run in found.runs.items()}
    present = {
        name: caption
        for name, caption in IMAGES
        if any(folder and (folder.path / name).is_file() for folder in folders.values())
    }
    if not present:
        st.info(tr("None of these runs has made a plot yet."), icon=":material/image:")
        return
    chosen = _plot(present)
    columns = st.columns(2, gap="medium")
    for index, (run, folder) in enumerate(folders.items()):
        path = folder.path / chosen if folder else None
        with columns[index % 2]:
            st.caption(plain(run))
            if path and path.is_file():
                st.image(path.read_bytes(), width="stretch")
            else:
                st.info(tr("This run has none."), icon=":material/image:")


def _plot(present: Mapping[str, str]) -> str:
    """Ask which plot to show, of those that there are, with their captions."""
    first = next(iter(present))
    key = state.seed("plot", first, list(present))
    if st.session_state[key] not in present:  # no run has it any more
        st.session_state[key] = first
    chosen = st.select_slider(
        tr("Image"), list(present), format_func=lambda name: tr(present[name]), key=key
    )
    state.publish("plot", chosen, first)
    return str(chosen)


def _against(found: Comparison, baseline: str) -> str:
    """Give the run to hold against the baseline; nothing, and say so, where there is none."""
    others = [run for run in found.runs if run != baseline]
    if not others:
        st.info(
            tr("Choose another run to compare this one with."), icon=":material/compare_arrows:"
        )
        return ""
    other = st.selectbox(
        tr("Against the baseline"), others, key="against", bind="query-params", width=360
    )
    return str(other)


def _mistakes(found: Comparison, baseline: str) -> None:
    if other := _against(found, baseline):
        show_pair(found, baseline, other)


def _files(found: Comparison, baseline: str) -> None:
    other = _against(found, baseline)
    if not other:
        return
    one, two = (found.runs[run].facts.folder for run in (baseline, other))
    for name, diff in file_diffs(one, two).items():
        st.markdown(f"**{plain(name)}**")
        if diff is None:
            st.caption(tr("One of the two runs has none."))
        elif diff:
            st.code(diff, language="diff")
        else:
            st.caption(tr("The same in both."))


def _counts(found: Comparison, run_colours: Mapping[str, str]) -> None:
    splits = {name: plain(name) for name in ("train", "val", "test")}
    split = one_of(tr("Split"), splits, "counts_split", in_url=True)
    counts = {name: class_counts(run.facts.folder, split) for name, run in found.runs.items()}
    counted = {run: classes for run, classes in counts.items() if classes}
    if not counted:
        st.info(tr("None of these runs has counted this split."), icon=":material/bar_chart:")
        return
    if len(counted) > 1 and len(set(map(repr, counted.values()))) == 1:
        st.caption(tr("The same in all of these runs."))
    figure = counts_chart(counted, colours(), run_colours)
    draw(figure, "counts")


@dataclass(frozen=True)
class _Against:
    """By run its metrics, by name the parameters to hold them against, and how to draw a run."""

    values: _Values
    params: Mapping[str, Mapping[str, Any]]
    metrics: list[str]
    run_colours: Mapping[str, str]


def _over(
    part: Callable[[_Against], None],
    found: Comparison,
    values: _Values,
    run_colours: Mapping[str, str],
) -> None:
    """Show a part that holds metrics against parameters, or say that there is none of either."""
    params = {name: found.params[name] for name in _known_first(found)}
    metrics = list(dict.fromkeys(name for of_run in values.values() for name in of_run))
    if params and metrics:
        part(_Against(values, params, metrics, run_colours))
        return
    st.info(tr("It takes runs with metrics that differ in a parameter."), icon=":material/tune:")


def _scatter(found: _Against) -> None:
    with st.container(horizontal=True):
        param = st.selectbox(
            tr("Parameter"), list(found.params), key="param", bind="query-params", width=220
        )
        metric = st.selectbox(
            tr("Metric over it"), found.metrics, key="reached", bind="query-params", width=220
        )
    points = {
        run: (found.params[param][run], of_run[metric])
        for run, of_run in found.values.items()
        if metric in of_run and found.params[param][run] is not None
    }
    figure = scatter_chart(points, param, metric, colours(), found.run_colours)
    draw(figure, "scatter")


def _parallel(found: _Against) -> None:
    params = list(found.params)
    with st.container(horizontal=True):
        chosen = st.multiselect(
            tr("Parameters"), params, default=params[:_AXES], key="axes", max_selections=8
        )
        metric = st.selectbox(tr("Metric at the end"), found.metrics, key="last_axis", width=220)
    reached = {run: of_run.get(metric) for run, of_run in found.values.items()}
    axes = {name: found.params[name] for name in chosen} | {str(metric): reached}
    figure = parallel_chart(axes, colours(), found.run_colours)
    draw(figure, "parallel")


def _known_first(found: Comparison) -> list[str]:
    """Give the parameters that differ and have a value in every run; digests say nothing here."""
    names = [
        name
        for name, values in differing(found.params, counts_missing=False).items()
        if not name.startswith(_DIGESTS)
    ]
    return sorted(
        names, key=lambda name: any(found.params[name][run] is None for run in found.runs)
    )
