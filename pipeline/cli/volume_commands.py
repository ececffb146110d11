"""Commands about the volume and the installation."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.cli.answer import Answer, findings_text, table
from pipeline.core.errors import FileMissing, InputError
from pipeline.core.volume.paths import Kind, Volume

_KINDS: dict[str, Kind] = {"models": "model", "cfgs": "cfg", "datasets": "data"}


def sample(here: Installation, arguments: Namespace) -> Answer:
    """Write a sample volume."""
    from pipeline.core.volume.sample import write_sample

    folder = Path(arguments.folder)
    try:
        write_sample(folder.absolute(), arguments.images)
    except OSError as reason:
        message = f"no sample can be written there: {reason.strerror or reason}."
        raise InputError(message, where=str(folder), next="Name another folder.") from reason
    return Answer(
        {"volume": arguments.folder},
        f"The sample volume is in {folder}.\n"
        f"Try: slipway --volume {folder} launch --model yolov8n-scratch.yaml",
    )


def ls(here: Installation, arguments: Namespace) -> Answer:
    """List what can be chosen."""
    from pipeline.actions.launching.catalog import list_choices

    require_volume(here)
    kinds = [arguments.kind] if arguments.kind else list(_KINDS)
    document: dict[str, Any] = {
        kind: [asdict(choice) for choice in list_choices(here, _KINDS[kind])] for kind in kinds
    }
    parts = [
        f"{kind}\n" + table(("name", "path", "bytes"), (entry.values() for entry in entries))
        for kind, entries in document.items()
    ]
    return Answer(document, "\n\n".join(parts))


def inspect(here: Installation, arguments: Namespace) -> Answer:
    """Count a dataset."""
    from pipeline.core.dataset.read import inspect_dataset

    volume = require_volume(here)
    try:
        path = volume.resolve("data", arguments.data).path
    except FileMissing as reason:
        raise InputError(reason.message, where=reason.where, next=reason.next) from reason
    report = inspect_dataset(
        volume, path, deep=arguments.deep, index_folder=here.settings.dataset_index
    )
    document = report.as_dict()
    splits: dict[str, dict[str, Any]] = document["splits"]
    rows = [
        (split, name, counts["images"], counts["instances"])
        for split, entry in splits.items()
        for name, counts in entry["classes"].items()
    ]
    totals = [
        (
            split,
            *(entry[key] for key in ("images", "labels", "backgrounds", "instances", "dropped")),
        )
        for split, entry in splits.items()
    ]
    parts = [
        f"{path}: {report.base_note}",
        table(("split", "images", "labels", "backgrounds", "instances", "dropped"), totals),
        table(("split", "class", "images", "instances"), rows),
        findings_text(report.findings),
    ]
    return Answer(document, "\n\n".join(parts), 0 if report.ok else InputError.exit_code)


def doctor(here: Installation, arguments: Namespace) -> Answer:
    """Say what works."""
    from pipeline.actions.upkeep.doctor import examine

    document = examine(here)
    lines = [
        f"{'ok' if check['ok'] else 'NO':<4}{check['name']}: {check['detail']} {check['next']}"
        for check in document["checks"]
    ]
    failed = {check["name"] for check in document["checks"] if not check["ok"]}
    is_away = any(name.partition(" ")[0] in ("engine", "tracking") for name in failed)
    exit_code = 6 if is_away else 3 if failed else 0
    return Answer(document, "\n".join(map(str.rstrip, lines)), exit_code)


def require_volume(here: Installation) -> Volume:
    """Give the volume.

    Raises
    ------
    FileMissing
        There is no such folder: an empty list would hide that.
    """
    if not here.settings.volume.is_dir():
        raise FileMissing(
            f"volume folder {here.settings.volume} does not exist.",
            where="SLIPWAY_VOLUME",
            next=f"Write a sample with 'slipway sample {here.settings.volume}'.",
        )
    return here.volume
