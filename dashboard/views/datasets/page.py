"""Datasets: what each data yaml holds, and what is wrong with it, before a GPU is spent on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded
from dashboard.i18n import marked, tr, tr_said_text
from dashboard.plain import Markdown, code, plain
from dashboard.views.datasets.advice import show_advice
from dashboard.views.datasets.findings import show_findings_part
from dashboard.views.datasets.head import show_head
from dashboard.views.datasets.history import show_runs
from dashboard.views.datasets.image import show_asked_image
from dashboard.views.datasets.list import show_list
from dashboard.views.datasets.samples import show_samples
from dashboard.widgets.dataset.box_statistics import show_box_statistics, show_image_sizes
from dashboard.widgets.dataset.reading import REFRESH_S, show_reading
from dashboard.widgets.dataset.split_distribution import show_split_distribution
from dashboard.widgets.findings import show_findings
from dashboard.widgets.sample import offer_sample
from pipeline.actions.inspections import Inspection
from pipeline.core.dataset.checks.counts import ClassCounts, SplitCounts
from pipeline.core.dataset.report import DatasetReport, ResolvedEntry
from pipeline.core.errors import SlipwayError
from pipeline.core.volume.paths import Choice

# A small dataset is read in less, and its page is drawn once instead of twice; when there are
# numbers to show, what changed since can come a second later.
_PATIENCE_S, _PATIENCE_AGAIN_S = 0.7, 0.15
_PARTS = {
    "classes": marked("Classes"),
    "boxes": marked("Boxes and sizes"),
    "findings": marked("Findings"),
    "samples": marked("Samples"),
    "runs": marked("Runs"),
}


def render() -> None:
    """Show the datasets of the volume, and the one that the URL names."""
    choices = services.here().volume.choices("data")
    if not choices:
        _show_empty()
        return
    names = [choice.name for choice in choices]
    chosen = state.url_text(state.DATA)
    chosen = chosen if chosen in names else _named(chosen, choices)
    left, right = st.columns([1, 3.4], gap="medium")
    found = _look(_path(choices, chosen)) if chosen else None
    services.inspections().read_ahead([choice.path for choice in choices])
    with left:
        show_list(choices, chosen)
    with right:
        if found is None:
            _show_unknown(state.url_text(state.DATA), names)
        else:
            _show(chosen, _path(choices, chosen), found)


def _look(path: str) -> Inspection:
    is_known = services.inspections().known(path).report is not None
    return services.inspections().look(path, _PATIENCE_AGAIN_S if is_known else _PATIENCE_S)


def _named(text: str, choices: list[Choice]) -> str:
    """Give the choice that a text of the URL stands for; the first when it says nothing."""
    if not text:
        return choices[0].name
    try:
        path = services.here().volume.resolve("data", text).path
    except SlipwayError:
        return ""
    return next((choice.name for choice in choices if choice.path == path), "")


def _path(choices: list[Choice], name: str) -> str:
    return next(choice.path for choice in choices if choice.name == name)


def _show(name: str, path: str, found: Inspection) -> None:
    show_head(name, path, found)
    if found.is_running:
        _progress(path, found)
    if found.failure:
        st.error(plain(found.failure), icon=":material/error:")
    report, samples = found.report, found.samples
    if report is None:
        return
    if not report.splits:
        st.markdown(tr("**What keeps the dataset from being read**"))
        show_findings(report.findings, shown=20)
        return
    part = st.segmented_control(
        tr("Part"),
        list(_PARTS),
        format_func=lambda key: _part_title(key, found),
        required=True,
        key=state.seed(state.PART, "classes", list(_PARTS)),
        label_visibility="collapsed",
    )
    state.publish(state.PART, part, "classes")
    shown: dict[str, Callable[[], None]] = {
        "classes": lambda: _classes(name, path, found),
        "boxes": lambda: _boxes(path, report),
        "findings": lambda: show_findings_part(path, found) if samples else _wait(),
        "samples": lambda: show_samples(report, samples) if samples else _wait(),
        "runs": lambda: show_runs(path, report.fingerprint),
    }
    guarded(shown[str(part)])()
    if samples:
        guarded(show_asked_image)(report, samples)


def _part_title(part: str, found: Inspection) -> Markdown:
    counted = len(found.report.all_findings) if found.report and part == "findings" else 0
    title = tr(_PARTS[part])
    return Markdown(f"{title} ({counted:,})") if counted else title


def _wait() -> None:
    st.skeleton(height=300)


def _progress(path: str, drawn: Inspection) -> None:
    """Show how far a reading is; draw the page again when there is more to show than `drawn`."""

    @st.fragment(run_every=REFRESH_S)
    @guarded
    def watch() -> None:
        found = services.inspections().known(path)
        is_news = found.report is not drawn.report or found.samples is not drawn.samples
        if is_news and not (found.is_running and drawn.report):
            st.rerun()
        if not found.is_running:
            if found.failure or drawn.is_deep:
                st.rerun()
            return
        if found.samples and not found.is_deep:
            return  # a look whether anything changed
        show_reading(path, found, key="datasets.stop")

    watch()


def _classes(name: str, path: str, found: Inspection) -> None:
    report = found.report
    assert report
    splits = dict(report.splits)
    for split, folders in report.class_folders.items():  # a class is a folder, not a label
        classes = {name: ClassCounts(count, count) for name, count in folders.items()}
        splits[split] = replace(splits[split], classes=classes)
    rows = [
        _split_row(split, counts, report.resolved.get(split, ()))
        for split, counts in splits.items()
    ]
    table = pd.DataFrame(rows)
    if set(table[tr("because")]) == {tr_said_text(report.base_note)}:
        table = table.drop(columns=tr("because"))  # the head of the page says it
    counted = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        table,
        hide_index=True,
        column_config=dict.fromkeys(table.select_dtypes("number").columns, counted),
        key=f"datasets.splits.{path}",
    )
    show_split_distribution(splits, key=f"datasets.{path}")
    show_advice(name, report)


def _split_row(
    split: str, counts: SplitCounts, resolved: Sequence[ResolvedEntry]
) -> dict[str, str | int]:
    return {
        tr("split"): split,
        tr("images"): counts.images,
        tr("labels"): counts.labels,
        tr("backgrounds"): counts.backgrounds,
        tr("instances"): counts.instances,
        tr("dropped labels"): counts.dropped,
        tr("dropped images"): counts.dropped_images,
        tr("where it lies"): ", ".join(entry.path for entry in resolved),
        tr("because"): "; ".join(dict.fromkeys(tr_said_text(entry.rule) for entry in resolved)),
    }


def _boxes(path: str, report: DatasetReport) -> None:
    show_box_statistics(report.boxes, f"boxes.{path}")
    show_image_sizes(report.image_sizes)


def _show_unknown(text: str, names: list[str]) -> None:
    st.subheader(tr("There is no data yaml '{name}'", name=text), anchor=False)
    st.write(
        tr("It was renamed or removed, or the link is from another volume. Choose one of the list.")
    )


def _show_empty() -> None:
    root = services.here().settings.volume
    with st.container(border=True):
        st.markdown(tr("**No dataset on the volume yet**"))
        st.markdown(
            tr(
                "A data yaml (`path`, `train`, `val`, `names`) in {root}, or in its folder "
                "`data-yaml/`, appears here with what it holds. Or start with the sample:",
                root=code(str(root)),
            )
        )
        offer_sample()
