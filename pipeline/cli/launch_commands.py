"""Commands that begin with choices: preflight, compile, launch, clone, build."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pipeline.actions.installation import Installation
from pipeline.cli.answer import Answer, findings_text, say, table
from pipeline.cli.arguments import choices_from, has_choices, search_of
from pipeline.cli.volume_commands import require_volume
from pipeline.core.checks.resources import check_sizes
from pipeline.core.engines import CLUSTER
from pipeline.core.errors import InputError, RunFailed, UsageError
from pipeline.core.files import write_atomic
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.states import State

if TYPE_CHECKING:
    from pipeline.actions.launching.estimate import Estimate
    from pipeline.actions.launching.launches import Plan
    from pipeline.actions.runs.model import RunDetails

_POLL_S = 0.5
_RESOLVED = ("model_path", "cfg_yaml", "data_yaml")


def preflight(here: Installation, arguments: Namespace) -> Answer:
    """Find what would stop or spoil a run."""
    from pipeline.actions.launching.launches import prepare

    require_volume(here)
    return _checked(prepare(here, _choices(here, arguments), deep=arguments.deep))


def compile(here: Installation, arguments: Namespace) -> Answer:
    """Print the workflow: the generic one, or with choices as its defaults."""
    from pipeline.workflow.compile import compile_workflow

    here = here.on(CLUSTER)
    launch = _unrecorded(here, _choices(here, arguments)) if has_choices(arguments) else None
    workflow = compile_workflow(here.settings, launch)
    text = yaml.safe_dump(workflow, sort_keys=False, allow_unicode=True)
    if not arguments.output:
        return Answer(workflow, text)
    try:
        write_atomic(Path(arguments.output), text)
    except OSError as reason:
        raise UsageError(f"{arguments.output} cannot be written: {reason.strerror}.") from reason
    return Answer({"file": arguments.output}, f"Written to {arguments.output}.")


def launch(here: Installation, arguments: Namespace) -> Answer:
    """Start a run."""
    require_volume(here)
    return _launched(here, _choices(here, arguments), arguments)


def clone(here: Installation, arguments: Namespace) -> Answer:
    """Start a run again, with the changes that are named."""
    from pipeline.actions.launching.launches import choices_of
    from pipeline.actions.runs.find import find, folder_of

    require_volume(here)
    original = find(here, arguments.run)
    choices = _choices(here, arguments, choices_of(here, original))
    return _launched(here, choices, arguments, folder_of(here, original).name)


def build(here: Installation, arguments: Namespace) -> Answer:
    """Start a run that only builds a model."""
    from pipeline.actions.launching.builds import plan_build

    require_volume(here)
    plan = plan_build(here, arguments.model, arguments.imgsz)
    return _submitted(here, plan, arguments)


def _choices(here: Installation, arguments: Namespace, base: Choices | None = None) -> Choices:
    choices, search = choices_from(arguments, base), search_of(arguments)
    if not search:
        return choices
    from pipeline.actions.launching.spaces import with_search

    return with_search(here, choices, **search)


def _launched(
    here: Installation, choices: Choices, arguments: Namespace, cloned_from: str = ""
) -> Answer:
    from pipeline.actions.launching.launches import prepare

    plan = prepare(here, choices, deep=arguments.deep, cloned_from=cloned_from)
    return _submitted(here, plan, arguments)


def _submitted(here: Installation, plan: Plan, arguments: Namespace) -> Answer:
    from pipeline.actions.launching.launches import submit

    if not plan.ok:
        return _checked(plan)
    if plan.findings:
        say(findings_text(plan.findings))
    run = submit(here, plan)
    document = {
        "launch": plan.launch.id,
        "run": run.id,
        "engine": run.engine,
        "state": str(run.state),
    }
    if arguments.wait:
        return waited(here, plan.launch.id)
    return Answer(document, f"{plan.launch.id} is {run.state.label} (run {run.id}).")


def waited(here: Installation, name: str) -> Answer:
    """Tell each change of a run until it is over, and then show it."""
    from pipeline.cli.run_commands import shown_run

    run = _waited(here, name)
    done = run.facts.state is State.SUCCEEDED
    return shown_run(here, run, 0 if done else RunFailed.exit_code)


def _waited(here: Installation, name: str) -> RunDetails:
    """Tell each change on stderr until the run is over."""
    from pipeline.actions.runs.details import show
    from pipeline.actions.runs.find import find

    said: dict[str, State] = {}
    say(f"Launched {name}.")
    while True:
        run = find(here, name)
        for step in run.steps:
            if said.get(step.name, State.PENDING) is not step.state:
                reason = f": {step.message}" if step.message else ""
                say(f"{step.name} {step.state.label}{reason}")
            said[step.name] = step.state
        if run.state.is_finished:
            return show(here, name)
        time.sleep(_POLL_S)


def _checked(plan: Plan) -> Answer:
    is_named = {key: path for key, path in plan.resolved.items() if path or key in _RESOLVED}
    named = {key: path or None for key, path in is_named.items()}
    document = {
        "ok": plan.ok,
        "resolved": named,
        "findings": [finding.as_dict() for finding in plan.findings],
        "advice": [asdict(entry) for entry in plan.advice],
        "estimate": asdict(plan.estimate),
    }
    advice = [
        f"advice: --set {entry.key}={entry.value} (now {entry.current}): {entry.reason}"
        f" ({entry.source})"
        for entry in plan.advice
    ]
    verdict = "Nothing stops this launch." if plan.ok else "This launch has errors."
    names = table(("choice", "file"), named.items())
    parts = (names, findings_text(plan.findings), *advice, _expected(plan.estimate), verdict)
    text = "\n".join(part for part in parts if part)
    return Answer(document, text, 0 if plan.ok else InputError.exit_code)


def _expected(expected: Estimate) -> str:
    parts = []
    if expected.seconds is not None:
        parts.append(f"about {expected.seconds:,.0f} s, as {expected.runs} runs like it before")
    if expected.bytes:
        parts.append(f"about {expected.bytes / 1e6:,.1f} MB on the volume")
    return f"It will take {', '.join(parts)}." if parts else ""


def _unrecorded(here: Installation, choices: Choices) -> Launch:
    """Give a launch without id: a person uploads it, and each run names its own folder."""
    try:
        json.dumps(choices.overrides, allow_nan=False)
    except ValueError as reason:
        raise InputError("an override is not a number.", where="overrides") from reason
    wrong = check_sizes(choices)
    if wrong:
        raise InputError("the workflow cannot ask for that.", findings=wrong)
    return Launch(
        id="",
        choices=choices,
        model_path="",
        user=here.settings.user,
        created_at="",
        code_version="",
    )
