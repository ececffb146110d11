"""Datasets: what each data yaml holds, and what is wrong with it, before a GPU is spent on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded
from dashboard.i18n import marked, tr
from dashboard.views import launch_plan
from dashboard.views.dataset_advice import show_advice
from dashboard.views.dataset_findings import show_findings_part
from dashboard.views.dataset_image import show_asked_image
from dashboard.views.dataset_samples import show_samples
from dashboard.widgets.box_statistics import show_box_statistics, show_image_sizes
from dashboard.widgets.findings import escape, show_findings, summary
from dashboard.widgets.formats import ago, exact, plural
from dashboard.widgets.split_distribution import show_split_distribution
from pipeline.actions.dataset_runs import DatasetRun, runs_of_dataset
from pipeline.actions.inspections import Inspection
from pipeline.core.dataset import DatasetReport
from pipeline.core.errors import SlipwayError
from pipeline.core.findings import Finding
from pipeline.core.volume import Choice

REFRESH_S = 1.0
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
_TASKS = {
    "segment": marked("polygons (segment): a detector takes their bounds as boxes"),
    "obb": marked("oriented boxes (obb): a detector takes their bounds as boxes"),
    "pose": marked("poses (pose): a detector takes their boxes only"),
    "classify": marked("folders of classes (classify): a detector cannot train on them"),
}
_WORST = 3
_TOTALS = ("images", "instances")
_NOW = {
    "same": marked("✓ same data"),
    "changed": marked("✎ changed since"),
    "": marked("not recorded"),
}


def render() -> None:
    """Show the datasets of the volume, and the one that the URL names."""
    choices = services.volume().choices("data")
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
        _list(choices, chosen)
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
        path = services.volume().resolve("data", text).path
    except SlipwayError:
        return ""
    return next((choice.name for choice in choices if choice.path == path), "")


def _path(choices: list[Choice], name: str) -> str:
    return next(choice.path for choice in choices if choice.name == name)


def _list(choices: list[Choice], chosen: str) -> None:
    inspections = services.inspections()
    is_waiting = any(inspections.known(choice.path).report is None for choice in choices)
    every = 2 * REFRESH_S if is_waiting else None
    st.fragment(guarded(lambda: _entries(choices, chosen)), run_every=every)()


def _entries(choices: list[Choice], chosen: str) -> None:
    with st.container(border=True, key="datasets-list"):
        for choice in choices:
            found = services.inspections().known(choice.path)
            icon, sign = _health(found)
            name = escape(choice.name)
            label = f":primary[**{name}**]" if choice.name == chosen else name
            with st.container(gap=None):
                if st.button(label, key=f"datasets.open.{choice.name}", type="tertiary", icon=icon):
                    _choose(choice.name)
                st.caption(" · ".join(part for part in (sign, _size(found)) if part))


def _choose(name: str) -> None:
    """Show another dataset; the filters of this one do not stay."""
    state.replace_url({state.DATA: name, state.PART: state.url_text(state.PART)})
    st.session_state.pop(state.PAGE, None)
    st.rerun()


def _health(found: Inspection) -> tuple[str, str]:
    """Give icon and words for how a dataset is."""
    if found.report is None:
        if found.failure:
            return ":material/error:", tr(":red[cannot be read]")
        return ":material/hourglass_top:", tr(":gray[being read]")
    counts = {"error": 0, "warning": 0}
    for finding in found.report.all_findings:
        if finding.severity in counts:
            counts[finding.severity] += 1
    if counts["error"]:
        return ":material/error:", f":red[{plural(counts['error'], 'error')}]"
    if counts["warning"]:
        return ":material/warning:", f":orange[{plural(counts['warning'], 'warning')}]"
    return ":material/check_circle:", tr(":green[ready]")


def _size(found: Inspection) -> str:
    if found.report is None or not found.report.splits:
        return ""
    splits = found.report.splits.values()
    images, instances = (sum(getattr(split, of) for split in splits) for of in _TOTALS)
    return f"{plural(images, 'image')} · {plural(instances, 'instance')}"


def _show(name: str, path: str, found: Inspection) -> None:
    _head(name, path, found)
    if found.is_running:
        _progress(path, found)
    if found.failure:
        st.error(escape(found.failure), icon=":material/error:")
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
        "runs": lambda: _runs(path, report.fingerprint),
    }
    guarded(shown[str(part)])()
    if samples:
        guarded(show_asked_image)(report, samples)


def _part_title(part: str, found: Inspection) -> str:
    counted = len(found.report.all_findings) if found.report and part == "findings" else 0
    return f"{tr(_PARTS[part])} ({counted:,})" if counted else tr(_PARTS[part])


def _head(name: str, path: str, found: Inspection) -> None:
    is_broken = found.report is not None and not found.report.splits
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escape(name), anchor=False, width="stretch")
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


def _answer(found: Inspection) -> str:
    report = found.report
    if report is None:
        return tr("Reading lists and labels")
    counted = summary(report.all_findings) or tr("nothing wrong")
    if not report.splits:
        return f"**{counted}**"
    parts = [_size(found), plural(len(report.names), "class", "classes")]
    ratio = _imbalance(found)
    if ratio is not None:
        shown = f"{ratio:.3g}" if ratio < 100 else f"{ratio:,.0f}"
        parts.append(tr("imbalance {ratio}", ratio=shown))
    return f"**{' · '.join(parts)} · {counted}**"


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


def _origin(path: str, found: Inspection) -> str:
    parts = [escape(path)]
    if found.report and found.report.base_note:
        parts.append(escape(found.report.base_note))
    if found.report and found.report.task in _TASKS:
        parts.append(tr(_TASKS[found.report.task]))
    return " · ".join(parts)


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
        what = tr("Opening every image") if found.is_deep else tr("Reading lists and labels")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(
                found.done / found.total if found.total else 0.0,
                f"{what}: {found.done:,} / {found.total:,}" if found.total else what,
            )
            if st.button(tr("Stop"), icon=":material/stop:", key="datasets.stop"):
                services.inspections().stop(path)

    watch()


def _classes(name: str, path: str, found: Inspection) -> None:
    report = found.report
    assert report
    document = report.as_dict()["splits"]
    for split, folders in report.class_folders.items():  # a class is a folder, not a label
        document[split]["classes"] = {
            name: {"images": count, "instances": count} for name, count in folders.items()
        }
    rows = [
        _split_row(split, counts, report.resolved.get(split, ()))
        for split, counts in document.items()
    ]
    table = pd.DataFrame(rows)
    if set(table[tr("because")]) == {report.base_note}:
        table = table.drop(columns=tr("because"))  # the head of the page says it
    counted = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        table,
        hide_index=True,
        column_config=dict.fromkeys(table.select_dtypes("number").columns, counted),
        key=f"datasets.splits.{path}",
    )
    show_split_distribution(document, key=f"datasets.{path}")
    show_advice(name, report)


def _split_row(split: str, counts: dict[str, Any], resolved: Any) -> dict[str, Any]:
    return {
        tr("split"): split,
        tr("images"): counts["images"],
        tr("labels"): counts["labels"],
        tr("backgrounds"): counts["backgrounds"],
        tr("instances"): counts["instances"],
        tr("dropped labels"): counts["dropped"],
        tr("dropped images"): counts["dropped_images"],
        tr("where it lies"): ", ".join(entry.path for entry in resolved),
        tr("because"): "; ".join(dict.fromkeys(entry.rule for entry in resolved)),
    }


def _boxes(path: str, report: DatasetReport) -> None:
    show_box_statistics(report.boxes, f"boxes.{path}")
    show_image_sizes(report.image_sizes)


def _runs(path: str, fingerprint: str) -> None:
    found = runs_of_dataset(services.settings(), path, fingerprint)
    if not found:
        st.info(
            tr(
                "No run used this dataset yet. Each one is listed here with whether the data "
                "changed since."
            ),
            icon=":material/history:",
        )
        return
    changed = sum(entry.dataset_now == "changed" for entry in found)
    st.markdown(
        tr(
            "{runs} used this data yaml; the dataset changed since {changed} of them.",
            runs=plural(len(found), "run"),
            changed=changed,
        )
    )
    event = st.dataframe(
        pd.DataFrame([_run_row(entry) for entry in found]),
        hide_index=True,
        height=min(38 + 35 * len(found), 520),
        on_select="rerun",
        selection_mode="single-cell",
        key=f"datasets.runs.{path}",
    )
    selection: Any = event["selection"]
    if selection["cells"]:
        state.open_run(found[selection["cells"][0][0]].run)


def _run_row(entry: DatasetRun) -> dict[str, str]:
    record = entry.record
    return {
        tr("launch"): entry.run,
        tr("dataset"): tr(_NOW[entry.dataset_now]),
        tr("data yaml"): tr(_NOW[entry.yaml_now]),
        tr("model"): record.choices.model,
        tr("by"): record.user,
        tr("asked for"): ago(record.created_at),
        tr("at"): exact(record.created_at),
    }


def _show_unknown(text: str, names: list[str]) -> None:
    st.subheader(tr("There is no data yaml '{name}'", name=escape(text)), anchor=False)
    st.write(
        tr("It was renamed or removed, or the link is from another volume. Choose one of the list.")
    )


def _show_empty() -> None:
    root = services.settings().volume
    with st.container(border=True):
        st.markdown(tr("**No dataset on the volume yet**"))
        st.markdown(
            tr(
                "A data yaml (`path`, `train`, `val`, `names`) in `{root}`, or in its folder "
                "`data-yaml/`, appears here with what it holds. Or start with the sample:",
                root=root,
            )
        )
        st.code(f"python -m pipeline sample '{root}'", language="bash")
        if st.button(tr("Write the sample here"), type="primary", icon=":material/add:"):
            launch_plan.write_sample()
            st.rerun()
