"""What the figures of a dataset suggest for a training, before a cfg is chosen."""

from __future__ import annotations

import streamlit as st

from dashboard import state
from dashboard.i18n import tr, tr_said
from dashboard.widgets.forms.cfg import override_text, shown_value
from pipeline.core.checks.advice import advise
from pipeline.core.dataset.read import DatasetReport


def show_advice(name: str, report: DatasetReport) -> None:
    """Show the settings that suit a dataset better than the defaults, each with its reason."""
    from pipeline.core.cfg.train_cfg import effective_cfg

    found = advise(report, effective_cfg("", {}))
    if not found:
        return
    st.markdown(
        tr("**What suits this data better than the defaults** :gray[the cfg may do it already]")
    )
    for entry in found:
        text, button = st.columns([5, 1], vertical_alignment="center")
        page, _, part = entry.source.partition(" ")
        text.markdown(
            tr(
                ":blue[:material/lightbulb:] **{key} {value}** :gray[instead of {current}]",
                key=entry.key,
                value=shown_value(entry.value),
                current=shown_value(entry.current),
            )
            + f"  \n:small[:gray[{tr_said(entry.reason)}]]",
            help=tr("Source: {page} {part}", page=page, part=part),
        )
        if button.button(
            tr(":blue[Launch with it]"), key=f"datasets.advice.{entry.key}", type="tertiary"
        ):
            state.open_launch(data=name, overrides=[f"{entry.key}={override_text(entry.value)}"])
