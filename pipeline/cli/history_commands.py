"""Commands about the versions of a file: history, diff, restore."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from pipeline.actions.installation import Installation
from pipeline.cli.answer import Answer, table
from pipeline.cli.volume_commands import require_volume
from pipeline.core.errors import FileMissing


def history(here: Installation, arguments: Namespace) -> Answer:
    """List a file's versions, newest first, and the runs that used them."""
    from pipeline.actions.runs.file_uses import runs_by_digest
    from pipeline.core.versions.editing import digest_now
    from pipeline.core.versions.history import list_versions

    volume, path = require_volume(here), arguments.file
    versions, now = list_versions(volume, path), digest_now(volume, path)
    if not versions and not now:
        raise FileMissing(
            f"{path} does not exist and never did.", where=path, next="See 'slipway ls'."
        )
    uses = runs_by_digest(here)
    entries = [
        {"version": version.number}
        | {key: value for key, value in asdict(version).items() if key != "number"}
        | {"is_current": version.sha256 == now, "runs": list(uses.get(version.sha256, ()))}
        for version in versions
    ]
    rows = [
        (
            f"{entry['version']}{' *' if entry['is_current'] else ''}",
            *(entry[key] for key in ("at", "user", "action", "message")),
            len(entry["runs"]),
        )
        for entry in entries
    ]
    document = {"file": path, "sha256": now, "runs": list(uses.get(now, ())), "versions": entries}
    titles = ("version", "at", "user", "action", "message", "runs")
    text = table(titles, rows) if rows else f"{path} has not been edited in Slipway."
    return Answer(document, text)


def diff(here: Installation, arguments: Namespace) -> Answer:
    """Show what differs between two versions, or between one and the file as it is."""
    from pipeline.core.versions.history import diff_versions

    path, one, other = arguments.file, arguments.version, arguments.other
    text = diff_versions(require_volume(here), path, one, other)
    return Answer({"file": path, "from": one, "to": other, "diff": text}, text or "No difference.")


def restore(here: Installation, arguments: Namespace) -> Answer:
    """Save an old version again, as a new one."""
    from pipeline.core.versions.editing import digest_now, restore

    volume, path = require_volume(here), arguments.file
    now = digest_now(volume, path)
    saved = restore(volume, path, arguments.version, expected_sha256=now, user=here.settings.user)
    document = {"file": path, "version": saved.number, "sha256": saved.sha256}
    restored = arguments.version
    text = f"{path} is as in version {restored}, and saved as version {saved.number}."
    return Answer({**document, "restored": restored}, text)
