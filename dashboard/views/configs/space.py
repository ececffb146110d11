"""The form of a ``tune-*.yaml`` beside its text: each change is one in the text, comments stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from dashboard import services
from dashboard.errors import show_error
from dashboard.i18n import tr
from dashboard.views.configs.files import cfg_values
from dashboard.widgets.forms.space import SpaceForm, space_form
from dashboard.widgets.forms.space_settings import cost_text, space_settings
from pipeline.core.errors import SlipwayError


def show_space(
    path: str, document: Mapping[str, Any], on_change: Callable[[dict[str, Any]], None]
) -> None:
    """Show a search space to change, around the values of a cfg that is chosen.

    Parameters
    ----------
    path
        Of the file, relative to the volume.
    document
        What its text holds.
    on_change
        Called with what the text should hold.
    """
    name = st.selectbox(
        tr("Current values from"),
        services.choices("cfg"),
        key="configs.space.cfg",
        placeholder=tr("no cfg yet"),
        help=tr("Ranges are compared with them, presets put around them. The file names no cfg."),
    )
    try:
        cfg = cfg_values(name or "")
    except SlipwayError as reason:
        show_error(reason)
        cfg = cfg_values("")
    form = SpaceForm(document, cfg, f"configs.{path}", on_change)
    with st.container(height=560, border=False):
        if said := cost_text(document, cfg):
            st.caption(said)
        space_form(form)
        space_settings(form)
