"""A sweep: one launch for each combination of models, cfgs and seeds, under one name.

Its record, ``sweeps/<name>.json`` on the volume, has the launch ids, drawn before anything starts:
whoever goes on with the sweep after a crash starts what is missing, and nothing twice.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import FileMissing, InputError, NotFound, SlipwayError, UnsafePath
from pipeline.core.files import write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds.registry import made
from pipeline.core.launch.launch import SCHEMA_VERSION, random_letters, read_record
from pipeline.core.said import said
from pipeline.core.volume.paths import SWEEPS, Volume

MAX_RUNS = 100
_NAME = re.compile(r"\w[\w.-]{0,59}")


@dataclass(frozen=True)
class Combination:
    """What one launch of a sweep has of its own.

    Parameters
    ----------
    model, cfg
        Names as typed.
    seed
        Override ``seed``; None leaves it to the cfg.
    """

    model: str
    cfg: str
    seed: Any = None

    @property
    def label(self) -> str:
        """What a person reads: ``yolov8n.pt · cfg-custom · seed 0``."""
        return " · ".join((self.model, self.cfg, *([self.seed_label] if self.seed_label else [])))

    @property
    def seed_label(self) -> str:
        """``seed 0``; empty where the cfg decides."""
        return "" if self.seed is None else f"seed {self.seed}"

    def choices(self, base: Choices) -> Choices:
        """Give the choices of this combination."""
        seed = {} if self.seed is None else {"seed": self.seed}
        overrides = {**base.overrides, **seed}
        return replace(base, model=self.model, cfg=self.cfg, overrides=overrides)


@dataclass(frozen=True)
class Sweep:
    """A recorded sweep.

    Parameters
    ----------
    name
        The tag that all its launches carry.
    user, created_at
        Who and when (ISO 8601, UTC).
    engine
        Where all of it runs.
    base
        What its launches have in common; model and cfg are empty.
    launches
        Launch id of each combination, whether it was started or not.
    """

    name: str
    user: str
    created_at: str
    engine: str
    base: Choices
    launches: Mapping[Combination, str]


def combinations(
    models: Sequence[str], cfgs: Sequence[str], seeds: Sequence[Any]
) -> list[Combination]:
    """Give every combination once, seeds varying fastest; without seeds the cfg's own is used."""
    axes = (dict.fromkeys(models), dict.fromkeys(cfgs), dict.fromkeys(seeds or (None,)))
    return [Combination(*values) for values in itertools.product(*axes)]


def new_sweep_name() -> str:
    """Draw a name that sorts by time: ``sweep-20261126-1432-x7k2``."""
    return f"sweep-{datetime.now(UTC):%Y%m%d-%H%M}-{random_letters()}"


def sweep_path(volume: Volume, name: str) -> Path:
    """Give the file of a sweep's record.

    Raises
    ------
    UnsafePath
        The name is none of a sweep.
    """
    if not _NAME.fullmatch(name):
        raise UnsafePath(
            said("'{name}' is no name of a sweep.", name=name),
            where="name",
            next=said(
                "Use at most 60 letters, digits, -, _ and dots, and begin with a letter or digit."
            ),
        )
    return volume.path(f"{SWEEPS}/{name}.json")


def load_sweep(volume: Volume, name: str) -> Sweep:
    """Read the record of a sweep.

    Raises
    ------
    NotFound
        There is none of this name.
    InputError
        It is damaged, or of a newer schema.
    """
    path = sweep_path(volume, name)
    try:
        return _read(path)
    except FileMissing as reason:
        raise NotFound(
            said("There is no sweep '{name}'.", name=name),
            next=said("See 'slipway sweep --list'."),
        ) from reason


def save_sweep(volume: Volume, sweep: Sweep) -> None:
    """Write the record as a whole; call it while `locked`."""
    launches = [{**asdict(entry), "launch": id_} for entry, id_ in sweep.launches.items()]
    document = {
        "schema": SCHEMA_VERSION,
        **{key: getattr(sweep, key) for key in ("name", "user", "created_at", "engine")},
        "base": asdict(sweep.base),
        "launches": launches,
    }
    write_json(sweep_path(volume, sweep.name), document)


def list_sweeps(volume: Volume) -> tuple[list[Sweep], list[SlipwayError]]:
    """Give all sweeps, newest first, and what is wrong with records that cannot be read."""
    folder = volume.path(SWEEPS)
    found: list[Sweep] = []
    wrong: list[SlipwayError] = []
    for path in sorted(folder.glob("[!.]*.json")) if folder.is_dir() else ():
        try:
            found.append(_read(path))
        except SlipwayError as reason:
            wrong.append(reason)
    return sorted(found, key=lambda sweep: sweep.created_at, reverse=True), wrong


def locked(volume: Volume, name: str) -> AbstractContextManager[None]:
    """Let one at a time start or stop a sweep; the lock goes with the process."""
    return files.locked(sweep_path(volume, name).with_name(f".{name}.lock"))


def _read(path: Path) -> Sweep:
    try:
        document = read_record(path, "the sweep")
        launches = {
            Combination(entry["model"], entry["cfg"], entry["seed"]): str(entry["launch"])
            for entry in document["launches"]
        }
        named = {key: str(document[key]) for key in ("name", "user", "created_at", "engine")}
        return Sweep(**named, base=made(document["base"]), launches=launches)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as reason:
        raise InputError(
            said("the record of the sweep cannot be read: {reason}.", reason=repr(reason)),
            where=str(path),
            next=said("Restore the file, or remove it: the runs stay, the list of runs has them."),
        ) from reason
