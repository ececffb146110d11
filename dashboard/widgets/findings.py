"""The list of findings: what stops or spoils a launch, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from dashboard.i18n import tr_said
from dashboard.plain import Markdown, code, joined
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
        with st.expander(plural(len(entries) - shown, "more finding"), type="compact"):
            for finding in entries[shown:]:
                _show(finding)


def summary(findings: Sequence[Finding]) -> Markdown:
    """Count findings by severity: ``2 errors, 1 warning``."""
    counts = Counter(finding.severity for finding in findings)
    said = (
        (counts["error"], plural(counts["error"], "error")),
        (counts["warning"], plural(counts["warning"], "warning")),
        (counts["info"], plural(counts["info"], "note")),
    )
    return joined(", ", [words for count, words in said if count])


def _show(finding: Finding) -> None:
    times = f" ({finding.count:,} ×)" if finding.count > 1 else ""
    line = Markdown(f"{_ICONS[finding.severity]} {tr_said(finding.message)}{times}")
    details = joined(" ", [code(finding.where), tr_said(finding.next), code(finding.code)])
    st.markdown(joined("  \n", [line, Markdown(f":small[:gray[{details}]]")]))
