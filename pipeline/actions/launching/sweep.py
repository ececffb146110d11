"""Preparing a sweep and starting it: one ordinary launch for each combination.

`prepare_sweep` writes nothing. `start` writes the record first and then submits one launch after
the other; whatever stops it, the same sweep again starts those that are missing and no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import Plan, prepare, submit
from pipeline.actions.launching.sweep_plan import (
    SweepPlan,
    check_combinations,
    gathered,
    goes_on,
    labels,
    sweep_before,
    together,
)
from pipeline.actions.runs.find import deleted
from pipeline.core.checks.resources import DISK_CODES, check_disk
from pipeline.core.clock import utc_now
from pipeline.core.errors import InputError, NotFound, RunNotFound, SlipwayError
from pipeline.core.findings import Finding, has_errors, ordered, warning
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import new_launch_id
from pipeline.core.launch.sweep import (
    Combination,
    Sweep,
    combinations,
    load_sweep,
    locked,
    new_sweep_name,
    save_sweep,
)
from pipeline.core.said import said
from pipeline.core.volume.run_folder import run_folder


def prepare_sweep(
    here: Installation,
    choices: Choices,
    models: Sequence[str],
    cfgs: Sequence[str],
    seeds: Sequence[Any] = (),
    *,
    name: str = "",
) -> SweepPlan:
    """Check every combination and work out what its launch would be; nothing is written.

    Parameters
    ----------
    choices
        What all launches have in common; its model and cfg are not looked at.
    models, cfgs
        Names as typed, one or more of each.
    seeds
        Values of the override ``seed``; none leaves the seed to the cfg and `choices`.
    name
        The sweep's; a new one is drawn when it is empty. That of an earlier sweep goes on with it:
        what it has started stays, and what is missing is prepared.

    Raises
    ------
    EngineUnreachable
        Whether runs of an earlier sweep of this name were started is not known.
    """
    overrides = {key: value for key, value in choices.overrides.items() if key != "seed"}
    base = replace(
        choices, model="", cfg="", overrides=overrides if seeds else dict(choices.overrides)
    )
    asked = combinations(models, cfgs, seeds)
    plan = SweepPlan(name or new_sweep_name(), here.settings.engine, base, tuple(asked))
    before, findings = sweep_before(here.volume, plan)
    findings += check_combinations(models, cfgs, asked)
    if has_errors(findings):
        return replace(plan, findings=tuple(findings))
    if seeds and "seed" in choices.overrides:
        message = said(
            "seed={seed} gives way to the seeds of the sweep.",
            seed=choices.overrides["seed"],
        )
        findings.append(warning("sweep-seed", message, where="overrides.seed"))
    return _planned(here, plan, before, findings)


def start(here: Installation, plan: SweepPlan) -> Sweep:
    """Record the sweep and start what is missing; the same plan twice starts nothing twice.

    Raises
    ------
    InputError
        The plan has errors and nothing was started, or the engine refuses a workflow.
    SlipwayError
        As `launches.submit`; the message says what was started and what was not.
    """
    if not plan.ok:
        raise InputError(
            said("The sweep has errors; nothing was started."),
            findings=plan.findings,
            next=said("Correct what is named."),
        )
    with locked(here.volume, plan.name):
        sweep = _recorded(here, plan)
        left = list(plan.plans)
        for combination, planned in plan.plans.items():
            launch = replace(planned.launch, id=sweep.launches[combination])
            try:
                submit(here, replace(planned, launch=launch))
            except SlipwayError as reason:
                raise _interrupted(plan, left, reason) from reason
            left.remove(combination)
    return sweep


def resume(here: Installation, name: str) -> SweepPlan:
    """Prepare what is missing of a recorded sweep, on its own engine."""
    sweep = load_sweep(here.volume, name)
    here = here.on(sweep.engine)
    plan = SweepPlan(name, sweep.engine, sweep.base, tuple(sweep.launches))
    return _planned(here, plan, sweep, [])


def is_started(here: Installation, engine: str, launch: str) -> bool:
    """Say whether a launch of a sweep became a run that is still there.

    Raises
    ------
    EngineUnreachable
        The launch is recorded, and the engine does not say whether it runs.
    """
    folder = run_folder(here.volume, launch)
    if not folder.launch.is_file():
        return False
    try:
        here.engine(engine).get(launch)
    except RunNotFound:
        return False
    return True


def _planned(
    here: Installation, plan: SweepPlan, before: Sweep | None, findings: list[Finding]
) -> SweepPlan:
    """Complete a plan with the launches that are missing and all that is said of them."""
    asked = plan.combinations
    started = _started(here, before)
    missing = [entry for entry in asked if entry not in started]
    how_far = [goes_on(before, missing, asked)] if before else []
    plans = _plans(here, plan, missing)
    expected = together([entry.estimate for entry in plans.values()])
    of_each = gathered({entry: planned.findings for entry, planned in plans.items()})
    findings = [*findings, *how_far, *of_each]
    if expected.bytes:
        findings = [entry for entry in findings if entry.code not in DISK_CODES]
        findings += check_disk(here.volume, expected.bytes, len(plans))
    return replace(plan, plans=plans, findings=tuple(ordered(findings)), estimate=expected)


def _started(here: Installation, before: Sweep | None) -> set[Combination]:
    launches = before.launches.items() if before else ()
    return {
        combination
        for combination, launch in launches
        if is_started(here, before.engine if before else "", launch)
    }


def _plans(
    here: Installation, sweep: SweepPlan, missing: Sequence[Combination]
) -> dict[Combination, Plan]:
    plans: dict[Combination, Plan] = {}
    ids = {""}
    for combination in missing:
        plan = prepare(here, combination.choices(sweep.base))
        launch = replace(plan.launch, sweep=sweep.name, id="")
        seed = combination.seed if isinstance(combination.seed, int) else None
        while launch.id in ids:  # a minute's launches of one model may differ in letters only
            ending = "" if seed is None else f"-s{seed}"
            launch = replace(launch, id=new_launch_id(launch.choices, ending=ending))
        ids.add(launch.id)
        plans[combination] = replace(plan, launch=launch)
    return plans


def _recorded(here: Installation, plan: SweepPlan) -> Sweep:
    """Write down the launch ids, unless they are; what was deleted gets the plan's new one."""
    drawn = {entry: planned.launch.id for entry, planned in plan.plans.items()}
    try:
        before = load_sweep(here.volume, plan.name)
    except NotFound:
        before = Sweep(plan.name, here.settings.user, utc_now(), plan.engine, plan.base, {})
    kept = {
        entry: launch
        for entry, launch in before.launches.items()
        if entry not in drawn or deleted(here, launch) is None
    }
    sweep = replace(before, launches={**before.launches, **drawn, **kept})
    if sweep != before:
        save_sweep(here.volume, sweep)
    return sweep


def _interrupted(
    plan: SweepPlan, left: Sequence[Combination], reason: SlipwayError
) -> SlipwayError:
    done = len(plan.combinations) - len(left)
    message = said(
        "{done} of the {count} runs of sweep '{name}' are started; {left} not: {reason}",
        done=done,
        count=len(plan.combinations),
        name=plan.name,
        left=labels(left),
        reason=reason.message,
    )
    hint = said(
        "'slipway sweep --resume {name}' starts the missing ones. {next}",
        name=plan.name,
        next=reason.next,
    )
    if isinstance(reason, InputError):
        findings = reason.findings
        return InputError(message, findings=findings, where=reason.where, next=hint.strip())
    return type(reason)(message, where=reason.where, next=hint.strip())
