"""The container of weights: what torch would unpickle of a file, read as data.

Follows ``torch/serialization.py``: `torch.save` writes a zip archive with ``data.pkl`` and a file
for each storage; before version 1.6 five pickles one after the other, and behind them the storages.
See https://docs.pytorch.org/docs/stable/notes/serialization.html.
"""

from __future__ import annotations

import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, BinaryIO

from pipeline.core.weights.archive import BadArchive, open_archive, read_member
from pipeline.core.weights.calls import Pairs
from pipeline.core.weights.graph import everything, kept_names, model_yamls
from pipeline.core.weights.machine import Machine
from pipeline.core.weights.stack import Malformed
from pipeline.core.weights.states import hostile_states

MAX_PICKLE_BYTES = 64 << 20
ZIP_START = b"PK\x03\x04"
LEGACY_START = b"\x80"
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_TAR_BLOCK = 512


@dataclass(frozen=True)
class Weights:
    """What a file of weights holds besides tensors.

    Parameters
    ----------
    foreign
        What it names or does that is not on the lists; anything here would be run.
    model_yamls
        Each dict from which Ultralytics would build a model.
    """

    foreign: tuple[str, ...]
    model_yamls: tuple[dict[Any, Any], ...]


class NotWeights(Exception):
    """Why it is no file of weights that can be read as data, as half a sentence."""


def read_weights(file: BinaryIO, allow: Collection[str] = ()) -> Weights:
    """Read a file of weights without unpickling it.

    Parameters
    ----------
    file
        Open for reading; its position is moved.
    allow
        Further names, as ``module.Name``, that it may use.

    Raises
    ------
    NotWeights
        It is none, damaged, a TorchScript archive or a tar archive.
    """
    file.seek(0)
    start = file.read(len(ZIP_START))
    machine = Machine(allow)
    try:
        if start == ZIP_START:
            roots = _from_zip(file, machine)
        elif start.startswith(LEGACY_START):
            roots = _from_legacy(file, machine)
        else:
            raise NotWeights("it does not begin as weights of torch do")
        values = everything([*roots, *machine.built])
        kept = [
            f"{name} (kept as a value)"
            for name in kept_names(values, allow)
            if name not in machine.foreign
        ]
        kept += hostile_states(values)
        yamls = model_yamls(values)
    except (BadArchive, Malformed) as reason:
        found = f"; what it asks for: {', '.join(machine.foreign)}" if machine.foreign else ""
        raise NotWeights(f"{reason}{found}") from reason
    return Weights(tuple(dict.fromkeys([*machine.foreign, *kept])), yamls)


def _from_zip(file: BinaryIO, machine: Machine) -> list[Any]:
    with open_archive(file) as archive:
        # miniz, with which torch reads, takes no notice of case
        names = {member.filename.partition("/")[2].lower(): member for member in archive.infolist()}
        if "constants.pkl" in names or any(name.startswith("code/") for name in names):
            raise NotWeights("it is a TorchScript archive, a program that torch.load would run")
        if "data.pkl" not in names:
            raise NotWeights("it is a zip archive without data.pkl")
        roots, left = [], MAX_PICKLE_BYTES
        for name, member in names.items():
            if name.endswith(".pkl"):
                data = read_member(archive, member, left)
                left -= len(data)
                root, end = machine.load(data)
                roots.append(root)
                if end != len(data):
                    raise Malformed(f"something follows the end of its {name}")
    for key, size in machine.storages.items():
        record = names.get(f"data/{key}".lower())
        if record is None or record.file_size < size:
            raise Malformed(f"it has no whole data/{key[:40]!a}, which a tensor needs")
    return roots


def _from_legacy(file: BinaryIO, machine: Machine) -> list[Any]:
    """Read magic number, protocol, system, the object and the keys of its storages."""
    file.seek(0)
    data = file.read(MAX_PICKLE_BYTES)
    if _is_tar(data[:_TAR_BLOCK]):
        raise NotWeights("it is a tar archive, which torch.load would unpack")
    roots, end = [], 0
    for expected in (_LEGACY_MAGIC, _LEGACY_PROTOCOL, None, None, None):
        root, end = machine.load(data, end)
        roots.append(root)
        if expected is not None and root != expected:
            raise Malformed("it does not begin as weights of torch do")
    if not isinstance(roots[2], Pairs) or not isinstance(roots[4], list):
        raise Malformed("it is not put together as weights of torch are")
    return roots


def _is_tar(block: bytes) -> bool:
    """Say whether torch, which tries this first, would take it for a tar archive."""
    try:
        tarfile.TarInfo.frombuf(block, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
