"""What the folders of launches say, each read once and again when it has changed.

Kept in ``<state>/run-folders.db``, which may be deleted. A page asks every few seconds, and a share
may take half a millisecond for each file: folders of runs that are over are looked at in turns.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.actions.ending import Ending, ending_of
from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text
from pipeline.core.launch.launch import Launch, load_launch
from pipeline.core.states import State
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RUNS, RunFolder, list_run_names
from pipeline.core.volume.run_note import RunNote, load_note
from pipeline.tracking.cache import Cache

_PART = "folder"
_LOOKS_S = 0.05
_BATCH = 500
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Recorded:
    """What the folder of a launch says.

    Parameters
    ----------
    name
        Of the folder.
    record
        ``launch.json`` as `Launch` has it; None where nothing (readable) says what was asked for.
    owner
        The uid of the workflow that writes there; empty before verify.
    ended
        How the run ended, as `Ending` has it.
    said
        What people say about it, as `RunNote` has it.
    unknown_to
        The engine that was asked and does not know the run; empty when none was.
    """

    name: str
    record: Mapping[str, Any] | None
    owner: str
    ended: Mapping[str, Any]
    said: Mapping[str, Any]
    unknown_to: str = ""

    @property
    def created_at(self) -> str:
        """When it was launched; empty when that is not known."""
        return str(self.record["created_at"]) if self.record else ""

    @cached_property
    def launch(self) -> Launch | None:
        """What was asked for."""
        return Launch.from_dict(self.record) if self.record else None

    @cached_property
    def note(self) -> RunNote:
        """What people say about it."""
        return RunNote(**{**self.said, "tags": tuple(self.said["tags"])})

    @cached_property
    def ending(self) -> Ending:
        """How the run ended."""
        return Ending.from_dict(dict(self.ended))


class RunFolders:
    """The folders of launches on a volume; safe for threads.

    Parameters
    ----------
    volume
        Where they are.
    path
        The SQLite file of what was read of them.
    """

    def __init__(self, volume: Volume, path: Path) -> None:
        self._volume = volume
        self._cache = Cache(path)
        self._lock = threading.Lock()
        self._known: dict[str, Recorded] | None = None
        self._stamps: dict[str, str] = {}
        self._looked_at: dict[str, float] = {}

    def all(self, progress: Progress | None = None) -> list[Recorded]:
        """Give what all folders say, those with the newest names first.

        New folders are read, and of the others as many looked at again as fits into a moment, those
        of runs that are not over first.

        Parameters
        ----------
        progress
            Called with how many new folders are read, and how many there are.
        """
        with self._lock:
            known = self._loaded()
            names = list_run_names(self._volume)
            for name in known.keys() - set(names):
                self._forget(name)
            new = [name for name in names if name not in known]
            for start in range(0, len(new), _BATCH):
                self._read(new[start : start + _BATCH])
                if progress:
                    progress(min(start + _BATCH, len(new)), len(new))
            self._look_again()
            return [known[name] for name in names]

    def get(self, name: str) -> Recorded | None:
        """Give what a folder said when it was looked at last; None when it was not yet there."""
        with self._lock:
            return self._loaded().get(name)

    def look_at(self, name: str) -> None:
        """Read a folder now, as something in it has just been written."""
        with self._lock:
            self._read([name])

    def set_unknown(self, names: Mapping[str, str]) -> None:
        """Keep which engine does not know a run, by the names of their folders."""
        with self._lock:
            known = self._loaded()
            for name, engine in names.items():
                known[name] = replace(known[name], unknown_to=engine)
            self._keep(list(names))

    def _loaded(self) -> dict[str, Recorded]:
        if self._known is None:
            self._known = {}
            for name, (stamp, text) in self._cache.get_all(_PART).items():
                with suppress(TypeError):  # of another version, which kept other things: read anew
                    self._known[name] = Recorded(name, **json.loads(text))
                    self._stamps[name] = stamp
        return self._known

    def _look_again(self) -> None:
        until = time.monotonic() + _LOOKS_S
        known = self._loaded()
        turns = sorted(
            known, key=lambda name: (_is_over(known[name]), self._looked_at.get(name, 0.0))
        )
        changed = []
        for name in turns:
            if time.monotonic() > until:
                break
            self._looked_at[name] = time.monotonic()
            if _stamp(self._folder(name)) != self._stamps[name]:
                changed.append(name)
        self._read(changed)

    def _read(self, names: Sequence[str]) -> None:
        known = self._loaded()
        for name in names:
            folder = self._folder(name)
            self._stamps[name] = _stamp(folder)  # before it is read, so that nothing is missed
            self._looked_at[name] = time.monotonic()
            known[name] = _recorded(folder)
        self._keep(names)

    def _keep(self, names: Sequence[str]) -> None:
        if names:
            known = self._loaded()
            self._cache.put_all(
                (name, _PART, self._stamps[name], _document(known[name])) for name in names
            )

    def _folder(self, name: str) -> RunFolder:
        return RunFolder(self._volume.root / RUNS / name)

    def _forget(self, name: str) -> None:
        del self._loaded()[name]
        self._cache.forget(name)


def _recorded(folder: RunFolder) -> Recorded:
    record, ended = None, Ending(State.UNKNOWN)
    # Without one it was started in the engine's own UI and is not verified yet; or it is damaged.
    with suppress(SlipwayError):
        launch = load_launch(folder.launch)
        record, ended = asdict(launch), ending_of(folder, launch)
    return Recorded(folder.name, record, _owner(folder), asdict(ended), asdict(_note(folder)))


def _note(folder: RunFolder) -> RunNote:
    try:
        return load_note(folder)
    except SlipwayError as reason:  # one damaged file must not hide the list
        return RunNote(text=reason.message)


def _document(entry: Recorded) -> dict[str, Any]:
    return {field.name: getattr(entry, field.name) for field in fields(entry)[1:]}


def _is_over(entry: Recorded) -> bool:
    return State(entry.ended["state"]).is_finished


def _owner(folder: RunFolder) -> str:
    try:
        return read_text(folder.owner).strip() if folder.owner.is_file() else ""
    except SlipwayError:
        return ""


def _stamp(folder: RunFolder) -> str:
    """Give what changes when a file of the folder or of one of its steps comes or is replaced."""
    try:
        with os.scandir(folder.path) as entries:
            steps = [entry.stat().st_mtime_ns for entry in entries if entry.is_dir()]
        return f"{folder.path.stat().st_mtime_ns} {max(steps, default=0)}"
    except OSError:  # deleted meanwhile
        return ""
