"""What a dataset's figures suggest: each entry is one click from the form, and back."""

from __future__ import annotations

import streamlit as st

from dashboard.i18n import marked, tr, tr_said
from dashboard.plain import Markdown, joined
from dashboard.views.launch import plan as launch_plan
from dashboard.widgets.formats import duration, size
from dashboard.widgets.forms.cfg import shown_value
from pipeline.actions.launching.estimate import Estimate
from pipeline.actions.launching.launches import Plan
from pipeline.core.checks.advice import Advice


def show(plan: Plan) -> None:
    """Show advice that is open, and advice that was taken over with the way back."""
    if not (plan.advice or plan.taken):
        return
    base = launch_plan.base_cfg(plan) or {}
    is_open = marked(":blue[:material/lightbulb:] **{key} {value}** :gray[now {current}]")
    is_taken = marked(":green[:material/check:] **{key} {value}** :gray[applied, was {current}]")
    kinds = (
        (plan.advice, is_open, tr("Apply"), launch_plan.follow),
        (plan.taken, is_taken, tr("Undo"), launch_plan.undo),
    )
    is_changed = False
    for entries, head, action, act in kinds:
        for entry in entries:
            if _row(entry, tr(head, **_words(entry)), action):
                act(entry, base)
                is_changed = True
    if is_changed:
        st.rerun()  # the settings beside this show the change too


def expected(estimate: Estimate) -> Markdown:
    """Say what the launch will take: ``about 6 min (3 like it before) · 120 MB``; else nothing."""
    room = size(estimate.bytes) if estimate.bytes else Markdown()
    if estimate.seconds is None:
        return tr("about {size} on disk", size=room) if room else Markdown()
    time = duration(estimate.seconds)
    told = tr("about {time} ({runs} like it before)", time=time, runs=f"{estimate.runs:,}")
    return joined(" · ", [told, room])


def how(estimate: Estimate) -> Markdown:
    """Say what the figures rest on."""
    if not estimate.runs:
        return tr("Best and last weights are each as large as the model's.")
    return tr(
        "Medians of the most similar finished runs: the seconds of an image in an epoch, times "
        "images and epochs, plus the rest of a run; and the size of their folders."
    )


def _row(entry: Advice, head: Markdown, action: Markdown) -> bool:
    """Show one entry and say whether its button was clicked."""
    page, _, part = entry.source.partition(" ")
    text, button = st.columns([3.2, 1], vertical_alignment="top")
    text.markdown(
        f"{head}  \n:small[:gray[{tr_said(entry.reason)}]]",
        help=tr("Source: {page} {part}", page=page, part=part),
    )
    return button.button(
        f":blue[{action}]", key=f"launch.advice.{entry.key}", type="tertiary", width="stretch"
    )


def _words(entry: Advice) -> dict[str, str]:
    return {
        "key": entry.key,
        "value": shown_value(entry.value),
        "current": shown_value(entry.current),
    }
