"""What was read of a dataset, kept on disk: its report, and its labels for when a few change.

One file a dataset, an uncompressed ``.npz`` without pickles. Only what is asked for is read of it;
a damaged one counts as none, and any of them may be deleted.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.dataset.checked_images import CheckedImages
from pipeline.core.dataset.checks.boxes import BoxStats
from pipeline.core.dataset.checks.counts import ClassCounts, SplitCounts
from pipeline.core.dataset.files.data_yaml import Dataset
from pipeline.core.dataset.labels.kept import KeptLabels, from_arrays
from pipeline.core.dataset.report import DatasetReport, ResolvedEntry
from pipeline.core.dataset.snapshot import FolderState, Snapshot
from pipeline.core.files import make_folder
from pipeline.core.findings import Finding
from pipeline.core.said import as_json, read_json
from pipeline.core.version import code_version
from pipeline.core.volume.paths import Volume

_FORMAT = 3
_MAX_FILES = 32
_MAX_BYTES = 1 << 30  # of a dataset; labels are left out of a larger one
_log = logging.getLogger("slipway.dataset")


@dataclass(frozen=True)
class Kept:
    """A report with what it was made from.

    Parameters
    ----------
    question
        Digest of what was asked: the yaml and where it leads to.
    snapshot
        The files that answered.
    report
        The answer.
    """

    question: str
    snapshot: Snapshot
    report: DatasetReport


class DatasetIndex:
    """The file of one dataset.

    Parameters
    ----------
    folder
        Where such files lie; None keeps nothing.
    volume, dataset
        What was asked about.
    """

    def __init__(self, folder: Path | None, volume: Volume, dataset: Dataset) -> None:
        name = _digest(f"{volume.root}\0{dataset.file.name}")[:24]
        self._path = folder / f"{name}.npz" if folder else None
        self.question = _digest(f"{volume!r}\0{dataset!r}\0{code_version()}")
        # What kept labels depend on, beside the files.
        self._parsed_for = [code_version(), dataset.keypoint_columns]

    @property
    def checked_images(self) -> CheckedImages:
        """What opening images told, of all datasets."""
        return CheckedImages(self._path.parent if self._path else None)

    def load(self) -> Kept | None:
        """Give what was kept; None when there is nothing that can be read."""
        if self._path is None:
            return None
        try:
            with open(self._path, "rb") as file, np.load(file) as arrays:
                head = read_json(arrays["head"].tobytes())
                if head["format"] != _FORMAT:
                    return None
                states = {
                    path: FolderState(
                        own, _names(arrays[f"names-{number}"]), arrays[f"stamps-{number}"]
                    )
                    for number, (path, own) in enumerate(head["folders"])
                }
            return Kept(head["question"], Snapshot(states, head["files"]), _report(head["report"]))
        except FileNotFoundError:
            return None
        except _DAMAGED as reason:
            _log.warning("%s cannot be read, so the dataset is read anew: %s", self._path, reason)
            return None

    def labels(self, snapshot: Snapshot) -> dict[str, KeptLabels]:
        """Give the labels that were kept with the snapshot that `load` gave, by folder."""
        labels: dict[str, KeptLabels] = {}
        if self._path is None:
            return labels
        try:
            with open(self._path, "rb") as file, np.load(file) as arrays:
                if json.loads(arrays["head"].tobytes())["parsed_for"] != self._parsed_for:
                    return {}
                for number, (path, state) in enumerate(snapshot.folders.items()):
                    prefix = f"labels-{number}-"
                    names = [name for name in arrays.files if name.startswith(prefix)]
                    own = {name.removeprefix(prefix): arrays[name] for name in names}
                    if own:
                        labels[path] = from_arrays(state, own)
        except _DAMAGED as reason:
            _log.warning("%s cannot be read, so the dataset is read anew: %s", self._path, reason)
            return {}
        return labels

    def save(self, kept: Kept, read: Callable[[], Mapping[str, KeptLabels]]) -> None:
        """Keep a report and the labels that it was made from; a full disk only costs time later."""
        if self._path is None:
            return
        labels = read()
        head = {
            "format": _FORMAT,
            "question": kept.question,
            "parsed_for": self._parsed_for,
            "folders": [(path, state.own) for path, state in kept.snapshot.folders.items()],
            "files": dict(kept.snapshot.files),
            "report": asdict(kept.report),
        }
        arrays: dict[str, NDArray[Any]] = {"head": _bytes(as_json(head).encode())}
        large: dict[str, NDArray[Any]] = {}
        for number, (path, state) in enumerate(kept.snapshot.folders.items()):
            arrays[f"names-{number}"] = _bytes(os.fsencode("\0".join(state.names)))
            arrays[f"stamps-{number}"] = state.stamps
            if path in labels:
                own = labels[path].to_arrays()
                large |= {f"labels-{number}-{name}": array for name, array in own.items()}
        if sum(array.nbytes for array in large.values()) <= _MAX_BYTES:
            arrays |= large
        try:
            _write(self._path, arrays)
        except OSError as reason:
            _log.warning("%s cannot be written: %s", self._path, reason)


# Whatever a file that is not ours, or was cut off, may lead to.
_DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile)


def _write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    old = sorted(path.parent.glob("*.npz"), key=lambda path: path.stat().st_mtime)
    for one in old[:-_MAX_FILES]:
        one.unlink(missing_ok=True)


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


def _names(data: NDArray[np.uint8]) -> list[str]:
    return os.fsdecode(data.tobytes()).split("\0") if len(data) else []


def _report(document: dict[str, Any]) -> DatasetReport:
    """Build a report from what `asdict` and JSON made of it."""
    splits = {
        split: SplitCounts(**{**counts, "classes": _each(ClassCounts, counts["classes"])})
        for split, counts in document["splits"].items()
    }
    boxes = {split: BoxStats(**_tuples(stats)) for split, stats in document["boxes"].items()}
    changed = {
        "names": {int(index): name for index, name in document["names"].items()},
        "splits": splits,
        "boxes": boxes,
        "all_findings": tuple(Finding(**finding) for finding in document["all_findings"]),
        "resolved": {
            split: tuple(ResolvedEntry(**entry) for entry in entries)
            for split, entries in document["resolved"].items()
        },
        "image_sizes": _tuples(document["image_sizes"]),
    }
    known = {entry.name for entry in fields(DatasetReport)}
    return DatasetReport(**{key: document[key] for key in known} | changed)


def _each(kind: Any, documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {name: kind(**document) for name, document in documents.items()}


def _tuples(document: Any) -> Any:
    """Turn JSON's lists back into tuples."""
    if isinstance(document, dict):
        return {key: _tuples(value) for key, value in document.items()}
    if isinstance(document, list):
        return tuple(_tuples(value) for value in document)
    return document
