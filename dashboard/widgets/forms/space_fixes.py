"""What is wrong with one setting of a search space, and the buttons that put it right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.i18n import tr, tr_said
from dashboard.widgets.forms.cfg import shown_value
from pipeline.core.findings import Finding
from pipeline.core.space import edit as space_edit
from pipeline.core.space.edit import CHOICES, entries
from pipeline.core.space.form import TWICE

if TYPE_CHECKING:
    from dashboard.widgets.forms.space import SpaceForm

Fixes = dict[str, Callable[[], None]]
_OPTIMIZERS = ("AdamW", "SGD")


def fixes_of(finding: Finding, key: Any, form: SpaceForm) -> Fixes:
    """Give what one click can do about a finding of a setting, by the button's label."""
    if finding.code == "current-outside-space":
        return _widening(key, form)
    if finding.code == "fixed-and-searched":
        return _freeing(key, form)
    if finding.code == "auto-optimizer":
        return _naming(form)
    return {}


def show(finding: Finding, fixes: Fixes, key: str) -> None:
    """Show a finding with its buttons."""
    is_error = finding.severity == "error"
    mark = ":red[:material/error:]" if is_error else ":orange[:material/warning:]"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=key):
        hint = "" if fixes else f" :gray[{tr_said(finding.next)}]"
        st.markdown(f":small[{mark} {tr_said(finding.message)}{hint}]", width="content")
        for label, fix in fixes.items():
            st.button(f":blue[{label}]", key=f"{key}.{label}", type="tertiary", on_click=fix)


def _widening(key: str, form: SpaceForm) -> Fixes:
    current = form.current(key)
    if key == "optimizer" and str(current).lower() == "auto":
        return {}  # auto among the choices would take lr0 and momentum from the search
    entry = space_edit.widened(key, entries(form.document)[key], current)
    if entry is None:
        return {}
    changed = space_edit.with_entry(form.document, key, entry)
    is_range = CHOICES not in entry
    label = tr("Widen") if is_range else tr("Add {value}", value=shown_value(current))
    return {label: lambda: form.on_change(changed)}


def _freeing(key: str, form: SpaceForm) -> Fixes:
    removed = space_edit.without(form.document, key)
    fixes: Fixes = {tr("Do not search it"): lambda: form.on_change(removed)}
    choose = form.choose
    if key in form.overrides and choose:
        fixes = {tr("Do not fix it"): lambda: choose(key, None), **fixes}
    elif key in TWICE:
        freed = space_edit.with_setting(form.document, key, None)
        fixes = {tr("Do not fix it"): lambda: form.on_change(freed), **fixes}
    return fixes


def _naming(form: SpaceForm) -> Fixes:
    searched = entries(form.document).get("optimizer")
    if isinstance(searched, dict) and isinstance(searched.get(CHOICES), list):
        left = [name for name in searched[CHOICES] if str(name).lower() != "auto"]
        changed = space_edit.with_entry(form.document, "optimizer", {CHOICES: left})
        return {tr("Leave auto out"): lambda: form.on_change(changed)}
    if not form.choose:
        return {}
    choose = form.choose
    return {
        f"optimizer={name}": lambda name=name: choose("optimizer", name)  # type: ignore[misc]
        for name in _OPTIMIZERS
    }
