"""The launch: what a person asked for, frozen and on disk."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.core.cfg.files import weight_paths
from pipeline.core.errors import InputError, SlipwayError
from pipeline.core.files import read_text, sha256_file, write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds.registry import made
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume

SCHEMA_VERSION = 1
# Of what a launch names, by its kind: the file that was found, relative to the volume.
RESOLVED = {"model": "model_path", "cfg": "cfg_yaml", "data": "data_yaml", "tune": "tune_yaml"}


@dataclass(frozen=True)
class Launch:
    """One launch as recorded in ``launch.json``; never edited afterwards.

    Parameters
    ----------
    id
        Sorts by time, safe as a Kubernetes name: ``20261123-1432-shapes-yolov8n-k3f9``.
    choices
        What was asked for.
    model_path
        The model file, relative to the volume.
    user, created_at, code_version
        Who, when (ISO 8601, UTC) and with which Slipway.
    sha256
        Digests of the files named ``model``, ``cfg``, ``data`` as they were at launch.
    dataset_fingerprint
        Digest of split lists and labels, or empty when it was not taken.
    cloned_from
        Launch id of the original, or empty.
    engine
        Where it was submitted; empty in records from before there was a choice.
    sweep
        Name of the sweep that it belongs to, or empty.
    from_trial
        Whose values its cfg has: a launch id and one of its trials, ``<launch>/trial-003``; or
        empty.
    """

    id: str
    choices: Choices
    model_path: str
    user: str
    created_at: str
    code_version: str
    sha256: Mapping[str, str] = field(default_factory=dict)
    dataset_fingerprint: str = ""
    cloned_from: str = ""
    engine: str = ""
    sweep: str = ""
    from_trial: str = ""

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Launch:
        """Make one of what `save` wrote; what later versions have beside that is left out."""
        names = {entry.name for entry in fields(cls)}
        known = {key: value for key, value in document.items() if key in names}
        return cls(**{**known, "choices": made(document["choices"])})

    def save(self, path: Path) -> None:
        """Write ``launch.json`` atomically."""
        write_json(path, {"schema": SCHEMA_VERSION, **asdict(self)})


def data_path(volume: Volume, launch: Launch) -> str:
    """Give where a launch's data yaml lies, or lay, relative to the volume."""
    name = launch.choices.data
    try:
        return volume.resolve("data", name).path
    except SlipwayError:  # the yaml is gone since; its folder is still where entries start from
        return name if name.lower().endswith((".yaml", ".yml")) else f"{name}.yaml"


def load_launch(path: Path) -> Launch:
    """Read ``launch.json``.

    Raises
    ------
    FileMissing
        There is none.
    InputError
        It is not JSON, or of a newer schema.
    """
    try:
        return Launch.from_dict(read_record(path, "launch.json"))
    except (json.JSONDecodeError, KeyError, TypeError) as reason:
        raise InputError(
            said("launch.json cannot be read: {reason}.", reason=reason), where=str(path)
        ) from reason


def read_record(path: Path, name: str) -> dict[str, Any]:
    """Read a record of a schema that is known here; `name` is what people call it."""
    document: dict[str, Any] = json.loads(read_text(path))
    if document["schema"] > SCHEMA_VERSION:
        message = said(
            "{name} has schema {schema}, not {known} or less.",
            name=name,
            schema=document["schema"],
            known=SCHEMA_VERSION,
        )
        raise InputError(message, where=str(path), next=said("Update Slipway."))
    return document


def digests_of(
    volume: Volume, resolved: Mapping[str, str], cfg: Mapping[str, Any]
) -> dict[str, str]:
    """Give the SHA-256 of a launch's files, and of weights that its effective cfg names."""
    paths = {kind: resolved.get(key, "") for kind, key in RESOLVED.items()}
    paths |= weight_paths(cfg, volume)
    return {kind: sha256_file(volume.path(path)) for kind, path in paths.items() if path}


def new_launch_id(choices: Choices, now: datetime | None = None, *, ending: str = "") -> str:
    """Draw a launch id: time, what it is about, four random letters; at most 60 characters.

    The name is lower case, digits and dashes, so that it is a Kubernetes name (RFC 1123).

    Parameters
    ----------
    ending
        Of what it is about, when that alone does not tell launches apart: ``-s0``.
    """
    moment = now or datetime.now(UTC)
    about = choices.name or f"{_stem(choices.data, 'data-')}-{_stem(choices.model)}"
    slug = re.sub(r"[^a-z0-9]+", "-", about.lower()).strip("-")[: 38 - len(ending)].strip("-")
    return f"{moment:%Y%m%d-%H%M}-{slug or 'run'}{ending}-{random_letters()}"


def random_letters() -> str:
    """Draw four letters or digits that nobody takes for one another."""
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4))


def _stem(name: str, prefix: str = "") -> str:
    return Path(name).name.removesuffix(".pt").removesuffix(".yaml").removeprefix(prefix)
