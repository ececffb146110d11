"""What a sweep would start, and what is to be said of all its launches together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import prod
from typing import Any

from pipeline.actions.launching.estimate import Estimate
from pipeline.actions.launching.launches import Plan
from pipeline.core.errors import InputError, NotFound, UnsafePath
from pipeline.core.findings import Finding, error, has_errors, info, ordered
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.sweep import MAX_RUNS, Combination, Sweep, load_sweep, sweep_path
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume

_NAMED = 3


@dataclass(frozen=True)
class SweepPlan:
    """A sweep that is ready to look at and, when `ok`, to start.

    Parameters
    ----------
    name
        The tag of its launches, drawn unless a person gave one.
    engine
        Where it will run.
    base
        What all launches have in common.
    combinations
        All that were asked for.
    plans
        Of those that are not started yet.
    findings
        Of all plans, each said once; those of some combinations only name them.
    estimate
        What `plans` will take together, one after the other.
    """

    name: str
    engine: str
    base: Choices
    combinations: tuple[Combination, ...]
    plans: Mapping[Combination, Plan] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    estimate: Estimate = field(default_factory=Estimate)

    @property
    def ok(self) -> bool:
        """Whether nothing stops the sweep."""
        return not has_errors(self.findings)


def check_combinations(
    models: Sequence[str], cfgs: Sequence[str], asked: Sequence[Combination]
) -> list[Finding]:
    """Find what makes a sweep empty or too large to be looked at launch by launch."""
    findings = [
        error(
            "sweep-empty",
            said("The sweep has no {kind}.", kind=kind),
            where=kind,
            next=said("Choose a {kind}.", kind=kind),
        )
        for kind, names in (("model", models), ("cfg", cfgs))
        if not names
    ]
    if len(asked) > MAX_RUNS:
        message = said(
            "The sweep makes {count:,} runs; at most {most} are started at once.",
            count=len(asked),
            most=MAX_RUNS,
        )
        hint = said("Choose fewer models, cfgs or seeds, or make two sweeps of it.")
        findings.append(error("sweep-too-large", message, where="sweep", next=hint))
    return findings


def sweep_before(volume: Volume, plan: SweepPlan) -> tuple[Sweep | None, list[Finding]]:
    """Give the sweep that has this name already, and what keeps it from going on as asked."""
    try:
        sweep_path(volume, plan.name)
    except UnsafePath as reason:
        return None, [error("sweep-name", reason.message, where="name", next=reason.next)]
    try:
        before = load_sweep(volume, plan.name)
    except NotFound:
        return None, []
    except InputError as reason:
        return None, [error("sweep-record", reason.message, where=reason.where, next=reason.next)]
    old, new = ({**asdict(entry.base), "engine": entry.engine} for entry in (before, plan))
    changed = [key for key in old if _said(old[key]) != _said(new[key])]
    hint = said("Give this one another name, or what '{name}' was started with.", name=plan.name)
    return before, [
        error(
            "sweep-exists",
            said(
                "There is a sweep '{name}', and its {key} is {old}, not {new}.",
                name=plan.name,
                key=key,
                old=_said(old[key]),
                new=_said(new[key]),
            ),
            where=key,
            next=hint,
        )
        for key in changed
    ]


def goes_on(before: Sweep, missing: Sequence[Combination], asked: Sequence[Combination]) -> Finding:
    """Say how far the sweep of this name is already."""
    there, count = len(asked) - len(missing), len(asked)
    message = said(
        "There is a sweep '{name}': {there} of these {count} runs are started, none is missing.",
        name=before.name,
        there=there,
        count=count,
    )
    if missing:
        message = said(
            "There is a sweep '{name}': {there} of these {count} runs are started; the other "
            "{missing} will be.",
            name=before.name,
            there=there,
            count=count,
            missing=len(missing),
        )
    return info("sweep-goes-on", message, where="name")


def together(estimates: Sequence[Estimate]) -> Estimate:
    """Add up; a sum without one of its parts would look like the whole."""
    seconds = [entry.seconds for entry in estimates if entry.seconds is not None]
    needed = [entry.bytes for entry in estimates if entry.bytes is not None]
    is_known = bool(estimates) and len(seconds) == len(estimates)
    return Estimate(
        round(sum(seconds), 1) if is_known else None,
        min((entry.runs for entry in estimates), default=0),
        sum(needed) if estimates and len(needed) == len(estimates) else None,
    )


def gathered(found: Mapping[Combination, Sequence[Finding]]) -> list[Finding]:
    """Say each finding once; what is not true of all combinations names those it is true of."""
    whose: dict[Finding, list[Combination]] = {}
    for combination, findings in found.items():
        for finding in findings:
            whose.setdefault(finding, []).append(combination)
    return ordered(
        finding
        if len(some) == len(found)
        else replace(finding, message=_with(_called(some, list(found)), finding.message))
        for finding, some in whose.items()
    )


def _with(combinations: str, message: str) -> str:
    return said("With {combinations}: {message}", combinations=combinations, message=message)


def labels(some: Sequence[Combination]) -> str:
    """Name the first combinations, and say how many more there are."""
    named, more = "; ".join(entry.label for entry in some[:_NAMED]), len(some) - _NAMED
    return said("{names} and {more:,} more", names=named, more=more) if more > 0 else named


def _called(some: Sequence[Combination], everything: Sequence[Combination]) -> str:
    """Name combinations as short as can be: by what they and no others have in common."""
    parts, sizes = [], []
    for axis, mark in (("model", ""), ("cfg", ""), ("seed", "seed ")):
        values = dict.fromkeys(getattr(entry, axis) for entry in some)
        sizes.append(len(values))
        if len(values) < len({getattr(entry, axis) for entry in everything}):
            parts.append(mark + ", ".join(map(str, values)))
    if len(some) == prod(sizes):
        return " · ".join(parts)
    return labels(some)


def _said(value: Any) -> str:
    if value in ("", {}, []):
        return "not set"
    return json.dumps(value, ensure_ascii=False, default=str)
