"""Commands about the embedded engine's queue, and about what takes room."""

from __future__ import annotations

from argparse import Namespace

from pipeline.actions.installation import Installation
from pipeline.actions.runs import queue as queueing
from pipeline.actions.runs.find import find
from pipeline.actions.upkeep import clean as cleaning
from pipeline.cli import documents
from pipeline.cli.answer import Answer, table
from pipeline.core.errors import UsageError


def queue(here: Installation, arguments: Namespace) -> Answer:
    """Show the queue, after changing it where that was asked for."""
    changes = (arguments.place, arguments.priority)
    if bool(arguments.run) != any(change is not None for change in changes):
        raise UsageError(
            "a run and its --place or --priority belong together.",
            next="Write 'queue RUN --place 1' or 'queue RUN --priority high'.",
        )
    if arguments.is_paused is not None:
        queueing.pause(here, is_paused=arguments.is_paused)
    if arguments.run:
        run = find(here, arguments.run).id
        if arguments.priority is not None:
            queueing.prioritise(here, run, arguments.priority)
        if arguments.place is not None:
            queueing.move(here, run, arguments.place - 1)
    document = documents.queue_document(queueing.queue(here))
    keys = ("place", "launch", "priority", "starts_in_s")
    cells = [tuple(row[key] for key in keys) for row in document["waiting"]]
    head = f"{document['busy']} of {document['slots']} slots in use"
    head += "; the queue is paused: 'queue --resume' lets it go on" * document["is_paused"]
    return Answer(document, f"{head}\n{table(keys, cells)}" if cells else head)


def clean(here: Installation, arguments: Namespace) -> Answer:
    """Delete runs by age and number, and what nobody owns; with ``--dry-run`` say what would go."""
    planned = cleaning.plan(
        here,
        keep=arguments.keep,
        older_than_days=arguments.older_than,
        archived=arguments.archived,
    )
    freed = planned.bytes if arguments.dry_run else cleaning.clean(here, planned)
    items = [
        {"kind": item.kind, "name": item.name, "bytes": item.bytes, "why": item.why}
        for item in planned.items
    ]
    document = {
        "dry_run": arguments.dry_run,
        "bytes": freed,
        "items": items,
        "spared": planned.spared,
    }
    keys = ("bytes", "kind", "why", "name")
    cells = [tuple(item[key] for key in keys) for item in items]
    lines = [table(keys, cells)] if items else []
    lines += [f"{name} stays: {why}." for name, why in planned.spared.items()]
    would = "would be" if arguments.dry_run else "are"
    lines.append(f"{freed:,} bytes {would} free again.")
    return Answer(document, "\n".join(lines))
