"""Commands about runs."""

from __future__ import annotations

import sys
import time
from argparse import Namespace

from pipeline.actions.installation import Installation
from pipeline.actions.runs import change, details, rows
from pipeline.actions.runs.find import find
from pipeline.actions.runs.model import RunDetails
from pipeline.cli import documents
from pipeline.cli.answer import Answer, say, shown, table
from pipeline.core.errors import UsageError
from pipeline.engines.base import Run
from pipeline.tracking.schema import LIST_METRIC

_POLL_S = 0.5
_STOP_S = 15.0


def runs(here: Installation, arguments: Namespace) -> Answer:
    """List runs."""
    found = rows.listing(here, state=arguments.run_state, limit=arguments.limit)
    rows.require_an_answer(here, found.outages)
    for outage in found.outages:
        seen = f"last seen {outage.seen_at}" if outage.seen_at else "never seen"
        say(f"warning: engine '{outage.engine}' is away, its runs are as {seen}: {outage.message}")
    keys = ("launch", "state", "user", "started_at", "finished_at")
    listed = [documents.row_document(row) for row in found.rows]
    cells = [(*(row[key] for key in keys), row["metrics"].get(LIST_METRIC)) for row in listed]
    return Answer(listed, table((*keys, LIST_METRIC), cells))


def show(here: Installation, arguments: Namespace) -> Answer:
    """Show one run."""
    return shown_run(here, details.show(here, arguments.run))


def shown_run(here: Installation, run: RunDetails, exit_code: int = 0) -> Answer:
    """Give everything about a run, as a document and as a person reads it."""
    document = documents.details_document(here.settings, run)
    head = ("launch", "run", "engine", "state", "message", "user", "started_at", "finished_at")
    facts = [(f"{key}:", document[key]) for key in (*head, "folder") if document[key]]
    if document["mlflow"]["url"]:
        facts.append(("mlflow:", document["mlflow"]["url"]))
    steps = [tuple(step.values()) for step in document["steps"]]
    metrics = [(name, *values.values()) for name, values in document["metrics"].items()]
    test = [(key, value) for key, value in document["test"].items() if key != "classes"]
    parts = [
        "\n".join(f"{key:<13}{shown(value)}" for key, value in facts),
        table(("step", "state", "started_at", "finished_at", "message"), steps) if steps else "",
        table(("metric", "best", "best_epoch", "last"), metrics) if metrics else "",
        table(("test", "value"), test) if test else "",
        table(("build", "value"), document["build"].items()) if document["build"] else "",
    ]
    return Answer(document, "\n\n".join(part for part in parts if part), exit_code)


def logs(here: Installation, arguments: Namespace) -> Answer:
    """Print a step's log as it grows; with ``--json`` what there is, in one document."""
    as_json = getattr(arguments, "json", False)
    text, offset = "", 0
    while True:
        chunk = details.logs(here, arguments.run, arguments.step, offset)
        is_new, offset = chunk.offset > offset, chunk.offset
        if as_json:
            text += chunk.text
        else:
            sys.stdout.write(chunk.text)
            sys.stdout.flush()
        if chunk.is_complete or not (is_new or arguments.follow):
            return Answer({"run": arguments.run, "step": arguments.step, "text": text}, "")
        if not is_new:
            time.sleep(_POLL_S)


def stop(here: Installation, arguments: Namespace) -> Answer:
    """Stop a run and wait a moment for it."""
    run = change.stop(here, arguments.run)
    deadline = time.monotonic() + _STOP_S
    while not run.state.is_finished and time.monotonic() < deadline:
        time.sleep(0.1)
        run = find(here, run.id)
    return _changed(run)


def retry(here: Installation, arguments: Namespace) -> Answer:
    """Go on at the step that failed."""
    return _changed(change.retry(here, arguments.run))


def delete(here: Installation, arguments: Namespace) -> Answer:
    """Forget a run."""
    run = change.delete(here, arguments.run)
    stays = f" MLflow keeps run {run.stays.run_id}." if run.stays.run_id else ""
    return Answer(
        documents.deleted_document(run),
        f"{run.launch or run.id} is deleted; {run.freed_bytes:,} bytes are free again.{stays}",
    )


def track(here: Installation, arguments: Namespace) -> Answer:
    """Fill MLflow from the run folder."""
    run, logged = change.track(here, arguments.run)
    document = documents.tracked_document(run, logged)
    return Answer(document, f"{logged} values and files were logged.")


def compare(here: Installation, arguments: Namespace) -> Answer:
    """Say what differs."""
    from pipeline.actions.runs import compare as comparing  # numpy comes with it

    if len(set(arguments.runs)) < 2:
        raise UsageError("compare needs two runs or more.", next="Name another run.")
    document = documents.comparison_document(comparing.compare(here, arguments.runs))
    names = list(dict.fromkeys(arguments.runs))
    params = [
        (key, *(values.get(name) for name in names)) for key, values in document["params"].items()
    ]
    metrics = [
        (key, *(values.get(name, {}).get("best") for name in names))
        for key, values in document["metrics"].items()
    ]
    tables = (table(("parameter", *names), params), table(("best", *names), metrics))
    return Answer(document, "\n\n".join((*tables, f"Data: {document['data']['text']}")))


def _changed(run: Run) -> Answer:
    return Answer(documents.changed_document(run), f"{run.launch or run.id} is {run.state.label}.")
