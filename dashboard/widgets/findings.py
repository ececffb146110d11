"""The list of findings: what stops or spoils a launch, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.widgets.formats import plural
from pipeline.core.findings import Finding, ordered

_ICONS = {
    "error": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "info": ":gray[:material/info:]",
}
_SHOWN = 6


def show_findings(findings: Sequence[Finding], *, shown: int = _SHOWN) -> None:
    """List findings, errors first; those beyond `shown` are one click away."""
    entries = ordered(findings)
    for finding in entries[:shown]:
        _show(finding)
    if len(entries) > shown:
        with st.expander(f"{plural(len(entries) - shown, 'more finding')}", type="compact"):
            for finding in entries[shown:]:
                _show(finding)


def summary(findings: Sequence[Finding]) -> str:
    """Count findings by severity: ``2 errors, 1 warning``."""
    counts = dict.fromkeys(_ICONS, 0)
    for finding in findings:
        counts[finding.severity] += 1
    words = {"error": "error", "warning": "warning", "info": "note"}
    return ", ".join(plural(counts[name], words[name]) for name in counts if counts[name])


def escape(text: str) -> str:
    """Make text from files safe inside markdown, so that nothing in it is taken as formatting."""
    for mark in "\\`*_[]$<>#~|:":
        text = text.replace(mark, f"\\{mark}")
    return text


def _show(finding: Finding) -> None:
    times = f" ({finding.count:,} ×)" if finding.count > 1 else ""
    where = finding.where.replace("`", "'")
    details = [f"`{where}`" if where else "", escape(finding.next)]
    lines = [f"{_ICONS[finding.severity]} {escape(finding.message)}{times}"]
    if any(details):
        lines.append(f":small[:gray[{' '.join(part for part in details if part)}]]")
    st.markdown("  \n".join(lines))
