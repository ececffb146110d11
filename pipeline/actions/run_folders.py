"""What the folders of launches say, each read once and again when it has changed.

Kept in ``<state>/run-folders.db``, which may be deleted. A page asks every few seconds, and a share
may take half a millisecond for each file: folders of runs that are over are looked at in turns.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pipeline.actions.recorded import HEAD, Recorded, read_folder, stamp_of
from pipeline.core.states import State
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RUNS, RunFolder, list_run_names
from pipeline.tracking.cache import Cache

_PART = "folder"
_LOOKS_S = 0.05
# Many sessions draw the same list: looking again takes at most a fifth of the time.
_REST = 4
_BATCH = 500
_THREADS = 16
_T = TypeVar("_T")
Progress = Callable[[int, int], None]


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
        # The folders in the order in which they were looked at, the latest last.
        self._turns: dict[str, None] = {}
        self._next_look = 0.0
        self._revision = 0
        # What `kept` has read, by its name: of each folder the stamp, and what was read.
        self._parts: dict[str, dict[str, tuple[str, Any]]] = {}

    @property
    def revision(self) -> int:
        """What changes with what is known of any folder: a list made of it before may be kept."""
        return self._revision

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

    def kept(
        self,
        part: str,
        names: Iterable[str],
        read: Callable[[RunFolder], Any],
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Give what `read` gives of folders; of runs that are over it is read once and kept.

        Parameters
        ----------
        part
            Under what name it is kept.
        read
            Gives what JSON can hold.
        progress
            As in `all`.
        """
        with self._lock:
            known, kept = self._loaded(), self._part(part)
            stamps = {name: self._stamps[name] for name in names if name in known}
            missing = [
                name
                for name, stamp in stamps.items()
                if kept.get(name, ("",))[0] != stamp or not known[name].is_settled
            ]
            given = {name: kept[name][1] for name in stamps.keys() - set(missing)}
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            found = dict(zip(batch, _at_once(read, map(self._folder, batch)), strict=True))
            given.update(found)
            with self._lock:
                settled = [name for name in batch if name in known and known[name].is_settled]
                kept.update({name: (stamps[name], found[name]) for name in settled})
                self._cache.put_all((name, part, stamps[name], found[name]) for name in settled)
            if progress:
                progress(min(start + _BATCH, len(missing)), len(missing))
        return given

    def look_at(self, name: str) -> None:
        """Read a folder now, as something in it has just been written."""
        with self._lock:
            for part in self._parts.values():
                part.pop(name, None)
            self._cache.forget(name)
            self._read([name])

    def look_again(self, names: Iterable[str]) -> None:
        """Read those folders that have changed, as somebody is looking at their runs."""
        with self._lock:
            known = self._loaded()
            self._read([name for name in names if name in known and self._is_changed(name)])

    def set_unknown(self, names: Mapping[str, str]) -> None:
        """Keep which engine does not know a run, by the names of their folders."""
        with self._lock:
            known = self._loaded()
            there = [name for name in names if name in known]
            for name in there:
                known[name] = replace(known[name], unknown_to=names[name])
            self._keep(there)

    def _loaded(self) -> dict[str, Recorded]:
        if self._known is None:
            self._known = {}
            for name, stamp, text, *head in self._cache.get_heads(_PART, *HEAD):
                id_, created_at, engine, owner, state, unknown_to = head
                with suppress(ValueError):  # of another version, which kept other things: read anew
                    self._known[name] = Recorded(
                        name, text, id_, created_at, engine, owner, State(state), unknown_to
                    )
                    self._stamps[name] = stamp
            self._turns = dict.fromkeys(self._known)
        return self._known

    def _part(self, part: str) -> dict[str, tuple[str, Any]]:
        if part not in self._parts:
            kept = self._cache.get_all(part)
            self._parts[part] = {
                name: (stamp, json.loads(text)) for name, (stamp, text) in kept.items()
            }
        return self._parts[part]

    def _look_again(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        known, until = self._loaded(), now + _LOOKS_S
        turns = sorted(self._turns, key=lambda name: known[name].is_settled)
        changed = []
        for name in turns:
            if time.monotonic() > until:
                break
            if self._is_changed(name):
                changed.append(name)
        self._next_look = time.monotonic() + _REST * (time.monotonic() - now)
        self._read(changed)

    def _is_changed(self, name: str) -> bool:
        self._take_turn(name)
        return stamp_of(self._folder(name)) != self._stamps[name]

    def _read(self, names: Sequence[str]) -> None:
        known = self._loaded()
        for name, (stamp, entry) in zip(
            names, _at_once(_stamped, map(self._folder, names)), strict=True
        ):
            self._stamps[name], known[name] = stamp, entry
            self._take_turn(name)
        self._keep(names)

    def _take_turn(self, name: str) -> None:
        self._turns.pop(name, None)
        self._turns[name] = None

    def _keep(self, names: Sequence[str]) -> None:
        if names:
            self._revision += 1
            known = self._loaded()
            self._cache.put_all(
                (name, _PART, self._stamps[name], known[name].as_dict()) for name in names
            )

    def _folder(self, name: str) -> RunFolder:
        return RunFolder(self._volume.root / RUNS / name)

    def _forget(self, name: str) -> None:
        del self._loaded()[name]
        del self._turns[name]
        self._revision += 1
        for part in self._parts.values():
            part.pop(name, None)
        self._cache.forget(name)


def _stamped(folder: RunFolder) -> tuple[str, Recorded]:
    """Read a folder, and before that its stamp, so that nothing is missed."""
    return stamp_of(folder), read_folder(folder)


def _at_once(read: Callable[[RunFolder], _T], folders: Iterable[RunFolder]) -> list[_T]:
    """Read folders, several at a time: a slow share makes each file wait."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(read, folders))
