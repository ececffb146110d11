"""Files of weights made without torch: as torch.save writes them, and as nobody should load."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.findings import Finding
from pipeline.core.weights.check import check_weights
from pipeline.core.weights.container import NotWeights, read_weights

PLAIN: dict[str, Any] = {"epoch": -1, "train_args": {"epochs": 3}}


def zipped(data: bytes, members: Mapping[str, bytes] | None = None) -> bytes:
    """Put a pickle into an archive as torch.save does; the same bytes each time."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {"data.pkl": data, "version": b"3\n", **(members or {})}.items():
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content)
    return file.getvalue()


def sound_weights(size_bytes: int = 4_000) -> bytes:
    """Weights that hold nothing but plain values, of about this size."""
    return zipped(pickle.dumps(PLAIN, protocol=2), {"data/0": bytes(size_bytes)})


class Runs:
    """Pickles itself as a call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


def evil_weights(mark: Path) -> bytes:
    """Weights that make a folder when they are unpickled."""
    import os

    return zipped(pickle.dumps({"model": Runs(os.mkdir, str(mark))}, protocol=2))


def legacy(data: bytes, *, keys: bytes = pickle.dumps([], protocol=2)) -> bytes:
    """Put a pickle together with what torch wrote around it before version 1.6."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2}}
    before = (0x1950A86A20F9469CFC6C, 1001, system)
    return b"".join(pickle.dumps(part, protocol=2) for part in before) + data + keys


def text(value: str) -> bytes:
    """The instruction that pushes a text."""
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def checked(path: Path, content: bytes, *allow: str) -> list[Finding]:
    """Give what is found in a file of this content."""
    file = path / "a.pt"
    file.write_bytes(content)
    return check_weights(file, "weights/a.pt", allow)


def outcome(content: bytes) -> str:
    """Say in a word or a sentence what reading comes to; any other error is the test's."""
    try:
        found = read_weights(io.BytesIO(content))
    except NotWeights as reason:
        return str(reason)
    return ", ".join(found.foreign) or "sound"
