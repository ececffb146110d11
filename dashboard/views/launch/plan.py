"""From the form to a plan: what would be launched, kept for the session until it is launched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard import services, state
from dashboard.errors import show_error
from dashboard.views.launch.held import Held
from dashboard.widgets.forms.cfg import override_text
from pipeline.actions.installation import Installation
from pipeline.actions.launching import launches
from pipeline.actions.launching.launches import Plan
from pipeline.actions.runs.find import find
from pipeline.core.checks.advice import Advice
from pipeline.core.errors import InputError, SlipwayError, UsageError
from pipeline.core.findings import Finding, ordered
from pipeline.core.launch.choices import Choices

PLAN = Held[Plan]("launch.plan")
_BEFORE = "launch.before_advice"


def cloned() -> tuple[str, Choices | None, str]:
    """Give the launch that the URL asks to clone and, on the first visit only, its choices.

    Returns
    -------
    tuple
        Launch, choices, engine.
    """
    name = state.url_text(state.CLONE)
    if not name or st.session_state.get("launch.cloned") == name:
        return name, None, ""
    try:
        here = services.here()
        run = find(here, name)
        choices = launches.choices_of(here, run)
        # What the address says wins: settings that were changed in the form, or come with the link.
        choices = replace(choices, overrides={**choices.overrides, **overrides()})
        if model := state.url_text(state.MODEL):
            choices = replace(choices, model=model)
    except SlipwayError as reason:
        show_error(reason)
        return "", None, ""
    st.session_state["launch.cloned"] = name
    return name, choices, run.engine


def overrides() -> dict[str, Any]:
    """Give the settings that the URL changes."""
    from pipeline.core.cfg.train_cfg import parse_override

    values: dict[str, Any] = {}
    for text in state.url_texts(state.OVERRIDES):
        try:
            key, value = parse_override(text)
            values[key] = value
        except UsageError as reason:
            show_error(reason)
    return values


def change(key: str, value: Any, base: Mapping[str, Any]) -> None:
    """Change one setting of this launch; the cfg's own value takes the change back."""
    values = {**overrides(), key: value}
    if key in base and base[key] == value:
        del values[key]
    texts = [f"{name}={override_text(item)}" for name, item in values.items()]
    state.set_url(state.OVERRIDES, texts)


def follow(advice: Advice, base: Mapping[str, Any]) -> None:
    """Take advice over into the form, keeping what the setting was before."""
    before = st.session_state.setdefault(_BEFORE, {})
    before[advice.key] = overrides().get(advice.key, base.get(advice.key))
    change(advice.key, advice.value, base)


def undo(advice: Advice, base: Mapping[str, Any]) -> None:
    """Take advice back: what the setting was before, or else what the cfg says."""
    before = st.session_state.get(_BEFORE, {})
    change(advice.key, before.pop(advice.key, advice.current), base)


def current(
    choices: Choices, engine: str, cloned_from: str, unreadable: Sequence[Finding] = ()
) -> Plan:
    """Give the plan of these choices; the same one as long as choices and files are the same.

    What is `unreadable` in the form stops the launch, as it is not among the choices.
    """

    def prepare() -> Plan:
        plan = launches.prepare(here_on(engine), choices, cloned_from=cloned_from)
        if not unreadable:
            return plan
        findings = tuple(ordered([*unreadable, *plan.findings]))
        return replace(plan, ok=False, findings=findings)

    return PLAN.current((choices, engine, cloned_from, tuple(unreadable)), prepare)


def submit(plan: Plan) -> str:
    """Start the plan and give the id that the Run page is opened with."""
    run = launches.submit(here_on(plan.launch.engine), plan)
    return run.launch or run.id


def here_on(engine: str) -> Installation:
    """Give this installation for a launch of the user on this engine."""
    return services.as_user().on(engine)


def base_cfg(plan: Plan) -> dict[str, Any] | None:
    """Give the settings without this launch's changes; None when the cfg cannot be read."""
    from pipeline.core.cfg.train_cfg import effective_cfg

    if not plan.resolved["cfg_yaml"]:
        return None
    try:
        return effective_cfg(plan.cfg_before, {})
    except InputError:  # the findings say why, with file and line
        return None
