"""The preset that ``SLIPWAY_PRESET`` names: a new launch form begins with its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import preferences, services, state
from dashboard.errors import why
from dashboard.i18n import tr
from dashboard.plain import Markdown, plain
from dashboard.views.launch import plan as launch_plan
from dashboard.widgets.formats import plural
from dashboard.widgets.forms.cfg import override_text
from pipeline.core.errors import FileMissing, InputError

_WITHOUT = "without_preset"


def begin() -> None:
    """Take the preset's settings over into the URL, unless it changes settings already.

    A user who has removed the preset begins without it until the setting names another one.
    """
    settings = services.here().settings
    if not settings.preset or state.url_texts(state.OVERRIDES):
        return
    if preferences.load(settings.state, services.user()).get(_WITHOUT) == settings.preset:
        return
    _set(_loaded()[0])


def show(base: Mapping[str, Any]) -> None:
    """Say whether this launch has the preset's settings, and offer the contrary.

    Parameters
    ----------
    base
        Settings without this launch's changes.
    """
    name = services.here().settings.preset
    if not name:
        return
    preset, why_not = _loaded()
    if why_not:
        st.markdown(f":orange[:material/warning:] :small[{plain(why_not)}]")
        return
    overrides = launch_plan.overrides()
    taken = {key for key, value in preset.items() if overrides.get(key, base.get(key)) == value}
    ours = taken & set(overrides)
    values = {"name": name, "settings": plural(len(preset), "setting")}
    if len(taken) == len(preset):
        text = tr("Team preset **{name}** · {settings}", **values)
    elif ours:
        text = tr("Team preset **{name}** · {settings}, some changed here", **values)
    else:
        text = tr("Without the team preset **{name}**", **values)
    st.markdown(f":small[{text}]", width="content")
    if ours:
        rest = {key: value for key, value in overrides.items() if key not in ours}
        _button(tr("Remove"), ":material/close:", rest, without=name)
    elif len(taken) < len(preset):
        _button(tr("Apply"), ":material/add:", {**overrides, **preset}, without="")


def _button(label: Markdown, icon: str, values: Mapping[str, Any], *, without: str) -> None:
    st.button(
        label,
        icon=icon,
        type="tertiary",
        key="launch.team_preset",
        on_click=_change,
        args=(values, without),
    )


def _change(values: Mapping[str, Any], without: str) -> None:
    _set(values)
    preferences.remember(services.here().settings.state, services.user(), **{_WITHOUT: without})


def _set(values: Mapping[str, Any]) -> None:
    texts = [f"{key}={override_text(value)}" for key, value in values.items()]
    state.set_url(state.OVERRIDES, texts)


def _loaded() -> tuple[dict[str, Any], Markdown]:
    """Give the preset's settings, or why there are none."""
    from pipeline.core.launch.presets import load_preset

    name = services.here().settings.preset
    try:
        return load_preset(services.here().volume, name), Markdown()
    except (FileMissing, InputError) as reason:
        return {}, tr(
            "The team preset '{name}' (SLIPWAY_PRESET) is not applied: {why} Save or correct the "
            "preset, or name another one.",
            name=name,
            why=why(reason),
        )
