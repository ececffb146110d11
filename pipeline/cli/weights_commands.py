"""The command about official weights."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from pipeline.actions.fetching.weights import Watch, fetch, url_of, where_it_is
from pipeline.actions.installation import Installation
from pipeline.cli.answer import Answer, say, table
from pipeline.cli.volume_commands import require_volume
from pipeline.core.addresses import shown_address
from pipeline.core.errors import NotFound, SlipwayError
from pipeline.core.official_weights import NAMES, OFFICIAL, official_name

_SAID_PERCENT = 10


def weights(here: Installation, arguments: Namespace) -> Answer:
    """List official weights, or fetch those that are named and not there."""
    require_volume(here)
    if not arguments.names:
        return _list(here)
    names = list(dict.fromkeys(official_name(name) or name for name in arguments.names))
    if unknown := [name for name in names if name not in NAMES]:
        raise NotFound(
            f"no official weights that are known: {', '.join(unknown)}.",
            where="weights",
            next="List them with 'slipway weights'.",
        )
    entries, exit_code = [], 0
    for name in names:
        entry = _entry(here, name)
        if not entry["path"]:
            try:
                entry |= asdict(fetch(here, name, _teller(name)))
            except SlipwayError as reason:
                say(f"error: {reason}")
                error = {"message": reason.message, "where": reason.where, "next": reason.next}
                entry["error"] = error
                exit_code = exit_code or reason.exit_code
        entries.append(entry)
    return Answer({"weights": entries}, "\n".join(filter(None, map(_line, entries))), exit_code)


def _list(here: Installation) -> Answer:
    entries = [
        {"family": family} | _entry(here, name)
        for family, names in OFFICIAL.items()
        for name in names
    ]
    rows = ((entry["family"], entry["name"], entry["path"]) for entry in entries)
    text = table(("family", "name", "on the volume"), rows)
    return Answer(
        {"weights": entries}, f"{text}\n\nFetched from {shown_address(here.settings.weights_url)}"
    )


def _entry(here: Installation, name: str) -> dict[str, Any]:
    return {"name": name, "url": url_of(here, name), "path": where_it_is(here, name)}


def _teller(name: str) -> Watch:
    """Give what tells progress on stderr, every 10 %."""
    told = -1

    def watch(done: int, total: int) -> None:
        nonlocal told
        part = 100 * done // total // _SAID_PERCENT if total else 0
        if part > told:
            told = part
            say(f"{name}: {done:,} of {total:,} bytes" if total else f"{name}: fetching")

    return watch


def _line(entry: dict[str, Any]) -> str:
    if "error" in entry:
        return ""
    if "sha256" not in entry:
        return f"{entry['path']} is on the volume already."
    compared = (
        f"as {entry['compared_with']} says"
        if entry["compared_with"]
        else f"not compared: {entry['why_not']}"
    )
    return f"{entry['path']}: {entry['bytes']:,} bytes, SHA-256 {entry['sha256']} ({compared})"
