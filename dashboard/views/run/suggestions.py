"""What to do next after a test: a launch with its reason, or images to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard import state
from dashboard.i18n import tr, tr_said
from dashboard.widgets.forms.cfg import override_text, shown_value
from pipeline.actions.runs.model import RunFacts
from pipeline.core.checks.suggestions import Suggestion
from pipeline.core.volume.run_folder import RunFolder


def show_suggestions(
    run: RunFacts,
    folder: RunFolder,
    found: Sequence[Suggestion],
    look: Callable[[Suggestion], None],
) -> None:
    """Show each suggestion with its reason and what can be done.

    Parameters
    ----------
    look
        Makes the tab show a suggestion's images.
    """
    for entry in found:
        page, _, part = entry.source.partition(" ")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":blue[:material/lightbulb:] {tr_said(entry.reason)}",
                width="stretch",
                help=tr("Source: {page} {part}", page=page, part=part),
            )
            if entry.kind or entry.cell:
                st.button(
                    tr("Show the images"),
                    key=f"suggestion.look.{entry.code}",
                    type="tertiary",
                    on_click=look,
                    args=(entry,),
                )
            # A test alone would be cloned as one, and trains nothing.
            if entry.overrides and folder.weights("best").is_file():
                _offer_launch(run, entry)


def _offer_launch(run: RunFacts, entry: Suggestion) -> None:
    settings = ", ".join(f"{key} {shown_value(value)}" for key, value in entry.overrides.items())
    if st.button(
        tr("Launch with {settings}", settings=settings),
        key=f"suggestion.launch.{entry.code}",
        icon=":material/rocket_launch:",
    ):
        st.session_state[state.REASON] = (run.launch, entry.reason)
        texts = [f"{key}={override_text(value)}" for key, value in entry.overrides.items()]
        state.open_launch(run.launch, overrides=texts)
