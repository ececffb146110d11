"""Presets on the launch page: apply a named set of changes, or save the current ones as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded
from dashboard.i18n import tr, tr_said
from dashboard.plain import code, plain
from dashboard.views.launch import plan as launch_plan
from dashboard.widgets.forms.cfg import override_text, shown_value
from pipeline.core.errors import FileChanged


def show_presets(base: Mapping[str, Any]) -> None:
    """Show what can be applied over the cfg, and what it would change, and a place to save.

    Parameters
    ----------
    base
        Settings without this launch's changes.
    """
    with st.popover(tr("Presets"), icon=":material/tune:", type="tertiary", key="launch.presets"):
        _show(base)


@guarded
def _show(base: Mapping[str, Any]) -> None:
    from pipeline.core.launch.presets import list_presets, load_preset

    overrides, volume = launch_plan.overrides(), services.here().volume
    names = list_presets(volume)
    if not names:
        st.caption(tr("No presets yet: change settings, then save them under a name."))
    else:
        name = st.selectbox(tr("Preset"), names, key="launch.preset")
        preset = load_preset(volume, name)
        changes = {
            key: value
            for key, value in preset.items()
            if overrides.get(key, base.get(key)) != value
        }
        for key, value in changes.items():
            now = shown_value(overrides.get(key, base.get(key))) or tr("empty")
            then = plain(shown_value(value) or tr("empty"))
            st.markdown(f"{code(key)} {plain(now)} → **{then}**")
        if not changes:
            st.caption(tr("Its settings are what they are now."))
        st.button(
            tr("Apply"),
            key="launch.preset.apply",
            disabled=not changes,
            on_click=_apply,
            args=({**overrides, **preset}, base),
        )
    _show_save(overrides)


def _show_save(overrides: Mapping[str, Any]) -> None:
    from pipeline.core.launch.presets import save_preset

    name = st.text_input(
        tr("Save this launch's changes as"),
        key="launch.preset.name",
        placeholder=tr("a name, such as quick-look"),
        disabled=not overrides,
    )
    is_off = not (overrides and name)
    is_there = st.checkbox(tr("Replace the preset of this name"), key="launch.preset.replace")
    if st.button(tr("Save preset"), key="launch.preset.save", disabled=is_off):
        try:
            save_preset(
                services.here().volume, name, overrides, user=services.user(), replace=is_there
            )
        except FileChanged as reason:
            st.warning(tr_said(reason.message))
            return
        st.toast(tr("Preset {name} is saved.", name=name))
        st.rerun()


def _apply(values: Mapping[str, Any], base: Mapping[str, Any]) -> None:
    texts = [
        f"{key}={override_text(value)}"
        for key, value in values.items()
        if key not in base or base[key] != value
    ]
    state.set_url(state.OVERRIDES, texts)
