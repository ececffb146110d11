"""A sweep from the launch form: further models and cfgs, seeds, and how many runs that makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard import services, state
from dashboard.i18n import tr, tr_text
from dashboard.plain import Markdown, joined
from dashboard.views.launch import form as launch_form
from dashboard.views.launch.held import Held
from dashboard.views.launch.plan import here_on
from dashboard.widgets.formats import plural
from pipeline.actions.launching.launches import Plan
from pipeline.actions.launching.sweep import prepare_sweep, start
from pipeline.actions.launching.sweep_plan import SweepPlan
from pipeline.core.errors import SlipwayError
from pipeline.core.findings import Finding, ordered
from pipeline.core.volume.paths import Kind

_PLAN = Held[SweepPlan]("launch.sweep.plan")
_ON, _MODELS, _CFGS, _SEEDS, _NAME = launch_form.SWEEP_FIELDS
_OFFERED_SEEDS = [str(seed) for seed in range(10)]


def chosen(plan: Plan, unreadable: Sequence[Finding]) -> SweepPlan | None:
    """Ask for what is swept over; None while a single run is to be launched.

    Parameters
    ----------
    plan
        Of the single run: its model, cfg and seed are among those that are swept over, the rest
        of it is what all runs have in common.
    unreadable
        What in the form cannot be read; it stops the sweep.
    """
    is_on = st.toggle(
        tr("Sweep"),
        key=state.seed(_ON, False),
        help=tr("One run for each combination of models, cfgs and seeds, under one tag."),
    )
    state.publish(_ON, is_on, False)
    return _current(plan, _fields(plan), unreadable) if is_on else None


def as_one(plan: Plan, swept: SweepPlan) -> Plan:
    """Give the plan of the single run with what is said and expected of the whole sweep."""
    return replace(plan, findings=swept.findings, ok=swept.ok, estimate=swept.estimate)


def show(swept: SweepPlan) -> None:
    """Say how many runs that is, and offer to launch them."""
    count, missing = len(swept.combinations), len(swept.plans)
    is_one = _is_one_run(swept)
    clicked = st.button(
        tr("Launch {runs}", runs=plural(missing if swept.ok else count, "run")),
        type="primary",
        icon=":material/rocket_launch:",
        width="stretch",
        key="launch.sweep.submit",
        disabled=not (swept.ok and missing) or is_one,
        on_click=_PLAN.click,
    )
    if not swept.ok:
        st.caption(tr("Launch waits until the errors above are corrected."))
        return
    if is_one:
        st.caption(tr("Choose a second model, cfg or seed. For a single run, switch Sweep off."))
        return
    models, cfgs, seeds = (
        len({getattr(entry, axis) for entry in swept.combinations})
        for axis in ("model", "cfg", "seed")
    )
    factors = joined(" × ", [plural(models, "model"), plural(cfgs, "cfg"), plural(seeds, "seed")])
    st.caption(
        f"{factors} = {plural(count, 'run')}",
        help=tr("Time and space above are for all of them, one after the other."),
    )
    if not missing and st.button(tr("Open the sweep"), icon=":material/grid_view:"):
        state.open_sweep(swept.name)
    if clicked:
        name = _PLAN.start(lambda: _start(swept))
        launch_form.keep()
        state.open_sweep(name)


def _is_one_run(swept: SweepPlan) -> bool:
    """Say whether that is an ordinary launch, and not one more run of an earlier sweep."""
    joins = any(finding.code == "sweep-goes-on" for finding in swept.findings)
    return len(swept.combinations) == 1 and not joins


def _fields(plan: Plan) -> dict[str, Any]:
    choices = plan.launch.choices
    models = _further(_MODELS, tr("Further models"), "model", choices.model)
    cfgs = _further(_CFGS, tr("Further cfgs"), "cfg", choices.cfg)
    return {
        "models": [choices.model, *models],
        "cfgs": [choices.cfg, *cfgs],
        **_seeds_and_name(),
    }


def _seeds_and_name() -> dict[str, Any]:
    left, right = st.columns([2, 1])
    key = state.seed_list(_SEEDS)
    offered = list(dict.fromkeys((*_OFFERED_SEEDS, *st.session_state[key])))
    seeds = left.multiselect(
        tr("Seeds"),
        offered,
        key=key,
        accept_new_options=True,
        placeholder=tr("as in the cfg"),
        help=tr("Whole numbers from 0 up; type one that is not offered."),
    )
    state.publish(_SEEDS, ",".join(seeds))
    name = right.text_input(
        tr("Tag"),
        key=state.seed(_NAME, ""),
        placeholder=tr("automatic"),
        help=tr(
            "Of all its runs, such as `night-3`; a new one is drawn when it is empty. That of an "
            "earlier sweep starts the runs that it lacks."
        ),
    )
    state.publish(_NAME, name, "")
    return {
        "seeds": [int(seed) if seed.isdecimal() and len(seed) < 12 else seed for seed in seeds],
        "name": name.strip(),
    }


def _further(key: str, label: Markdown, kind: Kind, first: str) -> list[str]:
    """Offer what the volume has besides the one that is chosen above."""
    widget = state.seed_list(key)
    kept = [name for name in st.session_state[widget] if name != first]
    if kept != st.session_state[widget]:
        st.session_state[widget] = kept
    offered = [name for name in services.choices(kind) if name != first]
    names = st.multiselect(
        label,
        list(dict.fromkeys((*offered, *kept))),
        key=widget,
        placeholder=tr_text("only {name}", name=first),
        help=tr("Every model runs with every cfg and every seed."),
    )
    state.publish(key, ",".join(names))
    return list(names)


def _current(plan: Plan, values: dict[str, Any], unreadable: Sequence[Finding]) -> SweepPlan:
    """Give the plan of these choices; see `launch_plan.current`, which does so for one run."""
    launch = plan.launch

    def prepare() -> SweepPlan:
        swept = prepare_sweep(here_on(launch.engine), launch.choices, **values)
        return replace(swept, findings=tuple(ordered([*unreadable, *swept.findings])))

    return _PLAN.current((launch.choices, launch.engine, values, tuple(unreadable)), prepare)


def _start(swept: SweepPlan) -> str:
    # No element is drawn meanwhile: it would be where a closed browser cuts the start short.
    with st.spinner(tr("Starting {runs}", runs=plural(len(swept.plans), "run"))):
        try:
            start(here_on(swept.engine), swept)
        except SlipwayError as reason:
            st.session_state[state.SWEEP_FAILURE] = reason  # its page says what is missing
    return swept.name
