"""The yaml editor: Streamlit's text area, with line numbers, colours and marks drawn over it.

The editors that can be installed were last released in 2021 to 2024 and bring 14 to 18 MB, or load
themselves from a CDN, which a cluster without internet does not have.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.plain import Markdown
from pipeline.core.findings import Finding

EDITOR_HEIGHT = 460
_JUMP = "yaml_editor.jump"
_HERE = Path(__file__).parent
_LINE = re.compile(r":(\d+)$")


def yaml_editor(
    label: Markdown,
    *,
    key: str,
    findings: Callable[[str], Sequence[Finding]],
    on_change: Callable[..., None],
    args: tuple[Any, ...],
    is_disabled: bool = False,
) -> tuple[str, Sequence[Finding]]:
    """Show a text to edit, with the lines marked that findings name.

    Parameters
    ----------
    label
        For screen readers.
    key
        Of the text in session state.
    findings
        Says what is wrong with a text.
    on_change, args
        Called when something was typed; typing pauses are enough.
    is_disabled
        Whether the text can only be read.

    Returns
    -------
    tuple
        The text, and what is wrong with it.
    """
    with st.container(key="configs-editor"):
        text = st.text_area(
            label,
            key=key,
            height=EDITOR_HEIGHT,
            label_visibility="collapsed",
            on_change=on_change,
            args=args,
            disabled=is_disabled,
        )
        found = findings(text or "")
        line, jump = st.session_state.get(_JUMP, (1, 0))
        _drawing()(key=f"{key}.layer", data={"marks": marks(found), "line": line, "jump": jump})
    return text or "", found


def jump_to(line: int) -> None:
    """Put the cursor on a line; a callback of what names the line."""
    _, jumps = st.session_state.get(_JUMP, (1, 0))
    st.session_state[_JUMP] = (line, jumps + 1)


def line_of(finding: Finding) -> int:
    """Give the line that a finding names as ``file:line``, else 0."""
    match = _LINE.search(finding.where)
    return int(match[1]) if match else 0


def marks(findings: Sequence[Finding]) -> dict[str, str]:
    """Give the worst severity of each line that findings name."""
    found: dict[str, str] = {}
    for finding in findings:  # errors come first
        if line := line_of(finding):
            found.setdefault(str(line), finding.severity)
    return found


def _drawing() -> Any:
    # made in each run: what is made once is not known to the runtime after a restart of it
    html, css, js = _sources()
    return st.components.v2.component(
        "yaml_editor", html=html, css=css, js=js, isolate_styles=False
    )


@functools.cache
def _sources() -> tuple[str, str, str]:
    css, js = ((_HERE / f"yaml_editor.{end}").read_text(encoding="utf-8") for end in ("css", "js"))
    return '<div class="yaml-layer"><div class="yaml-lines"></div></div>', css, js
