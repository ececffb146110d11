"""The command about sweeps: start one, look at it, go on with it, stop it."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.actions.installation import Installation
from pipeline.cli import documents
from pipeline.cli.answer import Answer, findings_text, say, shown, table
from pipeline.cli.arguments import choices_from, has_choices
from pipeline.cli.volume_commands import require_volume
from pipeline.core.errors import InputError, RunFailed, UsageError
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.sweep import Combination, list_sweeps
from pipeline.core.states import State

if TYPE_CHECKING:
    from pipeline.actions.launching.sweep_plan import SweepPlan
    from pipeline.actions.runs.sweep_runs import SweepRun, SweepRuns

_POLL_S = 1.0
_OWN = ("models", "cfgs", "seeds", "tag")


def sweep(here: Installation, arguments: Namespace) -> Answer:
    """Start a sweep, or do with an earlier one what is asked for."""
    from pipeline.actions.launching.sweep import prepare_sweep, resume

    require_volume(here)
    earlier = arguments.show or arguments.resume or arguments.stop or arguments.retry
    if earlier or arguments.lists:
        _require_no_choices(arguments)
    if arguments.lists:
        return _listed(here)
    if arguments.resume:
        return _started(here, arguments, resume(here, earlier))
    if earlier:
        return _answered(here, arguments, _asked(arguments)(here, earlier))
    plan = prepare_sweep(
        here,
        choices_from(arguments),
        getattr(arguments, "models", [Choices().model]),
        getattr(arguments, "cfgs", [Choices().cfg]),
        getattr(arguments, "seeds", []),
        name=getattr(arguments, "tag", ""),
    )
    return _started(here, arguments, plan)


def _require_no_choices(arguments: Namespace) -> None:
    if has_choices(arguments) or any(hasattr(arguments, name) for name in _OWN):
        raise UsageError(
            "an earlier sweep has its own choices; none can be given with it.",
            next="Leave them out, or name it with --name to go on with more combinations.",
        )


def _listed(here: Installation) -> Answer:
    found, wrong = list_sweeps(here.volume)
    for reason in wrong:
        say(f"warning: {reason}")
    keys = ("sweep", "runs", "engine", "data", "user", "created_at")
    rows = [
        (each.name, len(each.launches), each.engine, each.base.data, each.user, each.created_at)
        for each in found
    ]
    text = table(keys, rows) if rows else "There are no sweeps yet."
    return Answer([dict(zip(keys, row, strict=True)) for row in rows], text)


def _asked(arguments: Namespace) -> Callable[[Installation, str], SweepRuns]:
    from pipeline.actions.runs.sweep_runs import retry_failed, show_sweep, stop_all

    if arguments.stop:
        return stop_all
    return retry_failed if arguments.retry else show_sweep


def _started(here: Installation, arguments: Namespace, plan: SweepPlan) -> Answer:
    from pipeline.actions.launching.sweep import start
    from pipeline.actions.runs.sweep_runs import show_sweep

    if not plan.ok:
        listed = [finding.as_dict() for finding in plan.findings]
        text = f"{findings_text(plan.findings)}\nNothing of this sweep was started."
        document = {"ok": False, "sweep": plan.name, "findings": listed}
        return Answer(document, text, InputError.exit_code)
    if plan.findings:
        say(findings_text(plan.findings))
    say(f"Sweep {plan.name}: runs to start: {len(plan.plans)}.")
    start(here, plan)
    return _answered(here, arguments, show_sweep(here, plan.name))


def _answered(here: Installation, arguments: Namespace, found: SweepRuns) -> Answer:
    if arguments.wait:
        found = _waited(here, found)
    for outage in found.outages:
        say(f"warning: engine '{outage.engine}' is away. {outage.message} {outage.next}".strip())
    is_bad = arguments.wait and len(found.in_state(State.SUCCEEDED)) < len(found.runs)
    return Answer(
        documents.sweep_document(found), _text(found), RunFailed.exit_code if is_bad else 0
    )


def _waited(here: Installation, found: SweepRuns) -> SweepRuns:
    """Tell each change on stderr until no run is live."""
    from pipeline.actions.runs.sweep_runs import show_sweep

    said: dict[Combination, State | None] = {}
    while True:
        for entry, run in found.runs.items():
            if run.state is not said.get(entry, State.PENDING):
                message = run.row.facts.message if run.row else ""
                reason = f": {message}" if message else ""
                say(f"{entry.label} {_label(run.state)}{reason}")
            said[entry] = run.state
        if not found.live:
            return found
        time.sleep(_POLL_S)
        found = show_sweep(here, found.sweep.name)


def _text(found: SweepRuns) -> str:
    """Give a row for each model and cfg, a column for each seed."""
    seeds = list(dict.fromkeys(entry.seed for entry in found.runs))
    cells = []
    for row in found.rows:
        own = [found.runs.get(Combination(row.model, row.cfg, seed)) for seed in seeds]
        spread = "" if row.std is None else f" ± {row.std:.3f}"
        mean = "" if row.mean is None else f"{row.mean:.3f}{spread}"
        cells.append((row.model, row.cfg, *(_cell(run) for run in own), mean))
    titles = ("run" if seed is None else f"seed {seed}" for seed in seeds)
    head = f"sweep {found.sweep.name} on {found.sweep.engine}, mAP50-95 (best on val)"
    return f"{head}\n{table(('model', 'cfg', *titles, 'mean ± std of done'), cells)}"


def _cell(run: SweepRun | None) -> str:
    if run is None:
        return ""
    return _label(run.state) + ("" if run.best is None else f" {shown(run.best)}")


def _label(state: State | None) -> str:
    return "not started" if state is None else state.label
