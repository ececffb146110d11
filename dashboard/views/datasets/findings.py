"""What is wrong with a dataset: every finding by file and line, and the check of every image."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded
from dashboard.i18n import marked, tr, tr_said_text
from dashboard.views.datasets.image import open_image
from dashboard.widgets.choosing import text_filter
from dashboard.widgets.formats import ago
from dashboard.widgets.rows import rows_key
from pipeline.actions.inspections import Inspection
from pipeline.core.dataset.samples import Samples
from pipeline.core.findings import Finding
from pipeline.core.spreadsheet import csv_text

# What a browser scrolls through with ease; the CSV has them all.
_SHOWN = 5_000
_SEVERITIES = {
    "error": marked("✕ error"),
    "warning": marked("! warning"),
    "info": marked("i note"),
}


def show_findings_part(data: str, found: Inspection) -> None:
    """Show the findings of a dataset, and what opens every image for more of them."""
    assert found.report and found.samples
    _deep_check(data, found)
    findings = found.report.all_findings
    if not findings:
        said = tr("Nothing is wrong with lists and labels.")
        if found.deep_at:
            said = tr("Nothing is wrong with lists, labels and images.")
        st.success(said, icon=":material/check_circle:")
        return
    _table(data, findings, found.samples)


def findings_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """Give findings as a table, one a row, in the words of the command line."""
    return pd.DataFrame(
        {
            "severity": [finding.severity for finding in findings],
            "code": [finding.code for finding in findings],
            "where": [finding.where for finding in findings],
            "message": [finding.message for finding in findings],
            "count": [finding.count for finding in findings],
            "next": [finding.next for finding in findings],
        }
    )


def findings_csv(findings: Sequence[Finding]) -> str:
    """Give the same as CSV."""
    table = findings_table(findings)
    return csv_text(list(table), table.itertuples(index=False))


def fitting(findings: Sequence[Finding], severity: str, code: str, text: str) -> list[Finding]:
    """Give the findings of a severity and a code (any when empty) that have all words of a text.

    They are looked for in what is shown, in the language of the session.
    """
    words = text.casefold().split()
    return [
        finding
        for finding in findings
        if severity in ("", finding.severity)
        and code in ("", finding.code)
        and (not words or _has_all(words, finding))
    ]


def _has_all(words: Sequence[str], finding: Finding) -> bool:
    message, hint = tr_said_text(finding.message), tr_said_text(finding.next)
    shown = f"{finding.code} {finding.where} {message} {hint}".casefold()
    return all(word in shown for word in words)


@st.fragment
@guarded
def _table(data: str, findings: Sequence[Finding], samples: Samples) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        severity, code, text = _filters(findings)
        shown = fitting(findings, severity, code, text)
        st.download_button(
            tr("CSV"),
            lambda: findings_csv(shown),
            file_name=f"{re.sub(r'[^A-Za-z0-9.-]+', '-', data)}-findings.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=not shown,
        )
    if not shown:
        st.info(tr("No finding fits the filter."), icon=":material/filter_alt:")
        return
    st.caption(
        tr(
            "{shown:,} of {all:,} · click a row to see the image with its boxes",
            shown=len(shown),
            all=len(findings),
        )
        if len(shown) <= _SHOWN
        else tr(
            "{count:,} fit; the first {shown:,} are listed, the CSV has all",
            count=len(shown),
            shown=_SHOWN,
        )
    )
    _rows(samples, shown[:_SHOWN], key=f"findings.{data}.{severity}.{code}.{text}")


def _filters(findings: Sequence[Finding]) -> tuple[str, str, str]:
    severities: Counter[str] = Counter(finding.severity for finding in findings)
    severity = st.selectbox(
        tr("Severity"),
        ["", *(name for name in _SEVERITIES if severities[name])],
        format_func=lambda name: (
            f"{tr(_SEVERITIES[name])} ({severities[name]:,})" if name else tr("all")
        ),
        key=state.seed("severity", "", ["", *_SEVERITIES]),
        width=170,
    )
    state.publish("severity", severity)
    codes = Counter(finding.code for finding in findings if severity in ("", finding.severity))
    code = st.selectbox(
        tr("Code"),
        ["", *(name for name, _ in codes.most_common())],
        format_func=lambda name: f"{name} ({codes[name]:,})" if name else tr("all"),
        key=state.seed("code", "", ["", *codes]),
        width=260,
    )
    state.publish("code", code)
    return severity, code, text_filter(tr("file or words"), "finding_filter")


def _rows(samples: Samples, shown: Sequence[Finding], key: str) -> None:
    table = findings_table(shown)
    table["severity"] = [tr(_SEVERITIES[finding.severity]) for finding in shown]
    table["message"] = [tr_said_text(finding.message) for finding in shown]
    table["next"] = [tr_said_text(finding.next) for finding in shown]
    config = st.column_config
    event = st.dataframe(
        table,
        hide_index=True,
        height=min(38 + 35 * len(shown), 480),
        column_config={
            "severity": config.TextColumn(tr("severity"), width=90),
            "code": config.TextColumn(tr("code"), width=160),
            "where": config.TextColumn(tr("where"), width=300),
            "message": config.TextColumn(tr("message"), width=420),
            "count": config.NumberColumn(tr("count"), width=60),
            "next": config.TextColumn(tr("what to do"), width=320),
        },
        on_select="rerun",
        selection_mode="single-cell",
        placeholder="",
        key=rows_key(key, [finding.as_dict() for finding in shown]),
    )
    selection: Any = event["selection"]
    cells = [tuple(cell) for cell in selection["cells"]]
    # A cell stays chosen, and the page that runs again must not open the image again.
    seen = st.session_state.get(f"{key}.seen")
    st.session_state[f"{key}.seen"] = cells
    if cells and seen != cells:
        _open(samples, shown[cells[0][0]])


def _open(samples: Samples, finding: Finding) -> None:
    """Show the image that a finding is about, or the yaml's line in the editor."""
    where, _, line = finding.where.rpartition(":")
    path, number = (where, int(line)) if line.isdecimal() else (finding.where, 0)
    index = samples.find(path)
    if index is not None:
        open_image(samples.name_of(index), number)
    elif path.endswith((".yaml", ".yml")):
        state.open_config(path)
    else:
        st.toast(tr("This finding is about no single image."), icon=":material/info:")


def _deep_check(data: str, found: Inspection) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            tr("Open every image"),
            icon=":material/frame_inspect:",
            key="datasets.deep",
            disabled=found.is_running and found.is_deep,
            help=tr(
                "Finds damaged images and the same content in two splits. Goes on in the "
                "background; you can leave the page."
            ),
        ):
            services.inspections().open_images(data)
            st.rerun()
        st.caption(
            tr("Every image was opened {ago}.", ago=ago(found.deep_at))
            if found.deep_at
            else tr("Lists and labels are read; images are not opened yet.")
        )
