"""Whether tuning was worth it, in a sentence and by class."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.i18n import tr
from dashboard.plain import Markdown, joined
from dashboard.widgets.formats import plural
from pipeline.actions.runs.worth import Measured, Worth
from pipeline.tracking.schema import LIST_METRIC

_SHOWN = ("mAP50-95", "mAP50", "precision", "recall")


def show_worth(worth: Worth) -> None:
    """Say what training with a trial's values brought, and how sure that is."""
    with st.container(border=True):
        st.markdown(sentence(worth))
        if worth.is_measured and worth.is_same_data:
            _show_metrics(worth)
            _show_classes(worth)


def sentence(worth: Worth) -> Markdown:
    """Give what came of a trial's values in markdown: the figure, the difference, the spread."""
    names = {
        "tuned": worth.tuned.runs[0],
        "trial": worth.trial,
        "baseline": worth.baseline.runs[0],
    }
    has = tr("**{tuned}** has the values of {trial} of {baseline}.", **names)
    if not worth.tuned.split:
        return joined(" ", [has, tr("What that is worth is known when it is tested.")])
    if not worth.baseline.split:
        lacks = tr("{baseline} is not tested: there is nothing to hold it against.", **names)
        return joined(" ", [has, lacks])
    if not worth.is_same_data:
        differ = tr("They were tested on different data: their metrics do not compare.")
        return joined(" ", [has, differ])
    difference = worth.difference()
    if difference is None:
        return tr("The test of **{tuned}** or {baseline} has no mAP50-95.", **names)
    said = tr(
        "**{tuned}**, with the values of {trial}, reaches mAP50-95 **{after}** on {split}: "
        "**{difference:+.3f}** against {before} of {baseline}.",
        **names,
        after=_figure(worth.tuned),
        before=_figure(worth.baseline),
        split=worth.tuned.split,
        difference=difference,
    )
    return joined(" ", [said, _how_sure(worth, difference)])


def _how_sure(worth: Worth, difference: float) -> Markdown:
    spread = worth.spread()
    if spread is None:
        return tr(
            "One run each: another seed alone may move it. Launch both again with other seeds "
            "to see by how much."
        )
    seeds = plural(max(len(worth.baseline.runs), len(worth.tuned.runs)), "run")
    if abs(difference) > 2 * spread:
        return tr(
            "That is more than seeds move it: ±{spread:.3f} by up to {runs}.",
            spread=spread,
            runs=seeds,
        )
    return tr(
        "That is no more than seeds may move it: ±{spread:.3f} by up to {runs}.",
        spread=spread,
        runs=seeds,
    )


def _figure(side: Measured) -> str:
    mean, std = side.metrics.get(LIST_METRIC, (float("nan"), 0.0))
    return f"{mean:.3f} ± {std:.3f}" if len(side.runs) > 1 else f"{mean:.3f}"


def _show_metrics(worth: Worth) -> None:
    with st.container(horizontal=True, gap="large"):
        for name in _SHOWN:
            difference = worth.difference(name)
            if difference is not None:
                after = f"{worth.tuned.metrics[name][0]:.3f}"
                st.metric(name, after, f"{difference:+.3f}", width="content")


def _show_classes(worth: Worth) -> None:
    before, after = worth.baseline.classes, worth.tuned.classes
    both = [name for name in after if name in before]
    if not both:
        return
    rows = [
        (name, before[name][0], after[name][0], after[name][0] - before[name][0]) for name in both
    ]
    titles: list[str] = [tr("class"), tr("before"), tr("tuned"), tr("difference")]
    table = pd.DataFrame(sorted(rows, key=lambda row: row[3]), columns=titles)
    shares = {title: st.column_config.NumberColumn(format="%.3f") for title in titles[1:3]}
    shares[titles[3]] = st.column_config.NumberColumn(format="%+.3f")
    with st.expander(tr("mAP50-95 by class, what lost most first"), type="compact"):
        st.dataframe(table, hide_index=True, column_config=shares)
