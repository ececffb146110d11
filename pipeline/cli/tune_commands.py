"""Commands about what a tuning has found: trials, adopt."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from pipeline.actions.installation import Installation
from pipeline.cli import documents
from pipeline.cli.answer import Answer, findings_text, say, table
from pipeline.cli.launch_commands import waited
from pipeline.cli.volume_commands import require_volume
from pipeline.core.errors import InputError
from pipeline.tracking.schema import LIST_METRIC

if TYPE_CHECKING:
    from pipeline.actions.runs.worth import Worth


def trials(here: Installation, arguments: Namespace) -> Answer:
    """List a run's trials, and what came of training with their values; or stop one."""
    from pipeline.actions.runs.tuning import stop_trial, tuning_of_run
    from pipeline.actions.runs.worth import worth_of

    _, folder, found = tuning_of_run(here, arguments.run)
    if arguments.stop:
        trial = found.named(arguments.stop)
        stop_trial(folder, trial)
        stopping = {"launch": folder.name, "trial": trial.name, "state": "stopping"}
        return Answer(stopping, f"{trial.name} ends after the epoch that it trains.")
    best, worth = found.best, worth_of(folder)
    titles = ("trial", "state", found.metric, *found.settings, "epochs", "seconds", "why")
    rows = [
        (
            f"{trial.name}{' *' if trial == best else ''}",
            trial.state,
            trial.score(found.metric),
            *(trial.values.get(key) for key in found.settings),
            trial.epochs,
            trial.seconds,
            trial.error,
        )
        for trial in found.trials
    ]
    blank = f"Nothing detected yet: {found.metric} is 0 in every trial that is over."
    said = [blank] if found.is_blank else []
    document = documents.tuning_document(folder.name, found, worth)
    return Answer(document, "\n".join([table(titles, rows), *said, *map(_worth_text, worth)]))


def adopt(here: Installation, arguments: Namespace) -> Answer:
    """Write a trial's values into the cfg and train with them, in full."""
    from pipeline.actions.launching.adopt import adopt, train_adopted

    require_volume(here)
    made = adopt(here, arguments.run, arguments.trial, arguments.cfg)
    launch = made.plan.launch
    document: dict[str, Any] = {
        "from_trial": launch.from_trial,
        "cfg": made.path,
        "values": dict(made.values),
        "diff": made.diff,
        "also_changed": {key: list(pair) for key, pair in made.also_changed.items()},
        "findings": [finding.as_dict() for finding in made.plan.findings],
    }
    for key, (then, now) in made.also_changed.items():
        say(f"warning: {key} is {now} in {made.path} by now; the tuned run had {then}.")
    if made.plan.findings:
        say(findings_text(made.plan.findings))
    if arguments.dry_run or not made.plan.ok:
        text = made.diff or f"{made.path} has these values already."
        return Answer(document, text, 0 if made.plan.ok else InputError.exit_code)
    run = train_adopted(here, made, arguments.message)
    document |= {"launch": launch.id, "run": run.id, "engine": run.engine, "state": str(run.state)}
    if arguments.wait:
        shown = waited(here, launch.id)
        return Answer({**document, **shown.document}, shown.text, shown.exit_code)
    text = f"{made.diff}{launch.id} is {run.state.label} (run {run.id})."
    return Answer(document, text)


def _worth_text(worth: Worth) -> str:
    name, difference, spread = worth.tuned.runs[0], worth.difference(), worth.spread()
    if difference is None:
        return f"{name} has the values of {worth.trial}; it is not tested yet."
    around = "" if spread is None else f" ± {spread:.3f} by seeds"
    return (
        f"{name} has the values of {worth.trial}: {LIST_METRIC} on {worth.tuned.split}"
        f" {worth.tuned.metrics[LIST_METRIC][0]:.3f}, {difference:+.3f}{around}."
    )
