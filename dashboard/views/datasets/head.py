"""The answer of a dataset's page: what it holds, and whether a launch can use it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import streamlit as st

from dashboard import services, state
from dashboard.i18n import marked, tr, tr_said
from dashboard.plain import Markdown, joined, plain
from dashboard.views.datasets.list import size_of
from dashboard.widgets.findings import show_findings, summary
from dashboard.widgets.formats import plural
from pipeline.actions.inspections import Inspection
from pipeline.core.findings import Finding

_TASKS = {
    "segment": marked("polygons (segment): a detector takes their bounds as boxes"),
    "obb": marked("oriented boxes (obb): a detector takes their bounds as boxes"),
    "pose": marked("poses (pose): a detector takes their boxes only"),
    "classify": marked("folders of classes (classify): a detector cannot train on them"),
}
_WORST = 3


def show_head(name: str, path: str, found: Inspection) -> None:
    """Show what a dataset holds, what stops a launch with it, and where to go from here."""
    is_broken = found.report is not None and not found.report.splits
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(name), anchor=False, width="stretch")
        if st.button(
            tr("Launch with this data"),
            icon=":material/rocket_launch:",
            type="secondary" if is_broken else "primary",
            key="datasets.launch",
        ):
            state.open_launch(data=name)
        if st.button(
            tr("Edit yaml"),
            icon=":material/edit_note:",
            type="primary" if is_broken else "secondary",
            key="datasets.edit",
        ):
            state.open_config(path)
        if st.button(
            "",
            icon=":material/refresh:",
            key="datasets.again",
            help=tr("Read lists and labels again"),
        ):
            services.inspections().again(path)
            st.rerun()
    with st.container(gap=None):
        st.markdown(_answer(found))
        st.caption(_origin(path, found))
    if found.report and found.report.splits:
        show_findings(_worst(found), shown=_WORST)


def _answer(found: Inspection) -> Markdown:
    report = found.report
    if report is None:
        return tr("Reading lists and labels")
    counted = summary(report.all_findings) or tr("nothing wrong")
    if not report.splits:
        return Markdown(f"**{counted}**")
    parts = [size_of(found), plural(len(report.names), "class", "classes")]
    ratio = _imbalance(found)
    if ratio is not None:
        shown = f"{ratio:.3g}" if ratio < 100 else f"{ratio:,.0f}"
        parts.append(tr("imbalance {ratio}", ratio=shown))
    return Markdown(f"**{joined(' · ', parts)} · {counted}**")


def _origin(path: str, found: Inspection) -> Markdown:
    parts = [plain(path)]
    if found.report and found.report.base_note:
        parts.append(tr_said(found.report.base_note))
    if found.report and found.report.task in _TASKS:
        parts.append(tr(_TASKS[found.report.task]))
    return joined(" · ", parts)


def _worst(found: Inspection) -> list[Finding]:
    """Give the first error of each code, with how many there are: what stops a launch."""
    errors = [
        finding
        for finding in (found.report.all_findings if found.report else ())
        if finding.severity == "error"
    ]
    counts: Counter[str] = Counter()
    for finding in errors:
        counts[finding.code] += finding.count
    first = {finding.code: finding for finding in reversed(errors)}
    return [replace(first[code], count=count) for code, count in counts.most_common()]


def _imbalance(found: Inspection) -> float | None:
    """Give the imbalance of train: what a training sees."""
    splits = found.report.splits if found.report else {}
    return splits["train"].imbalance if "train" in splits else None
