"""What the folder of one launch says: what was asked for, how it ended, what people say of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from pipeline.actions.ending import Ending, ending_of
from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text
from pipeline.core.launch.launch import Launch, load_launch
from pipeline.core.states import State
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.run_note import RunNote, load_note


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

    @property
    def is_settled(self) -> bool:
        """Whether nobody writes there any more, as far as is known."""
        return State(self.ended["state"]).is_finished or bool(self.unknown_to)

    def as_dict(self) -> dict[str, Any]:
        """Give everything but the name, as JSON can hold it."""
        return {field.name: getattr(self, field.name) for field in fields(self)[1:]}


def read_folder(folder: RunFolder) -> Recorded:
    """Read what the folder of a launch says; what is damaged says nothing."""
    record, ended = None, Ending(State.UNKNOWN)
    # Without one it was started in the engine's own UI and is not verified yet; or it is damaged.
    with suppress(SlipwayError):
        launch = load_launch(folder.launch)
        record, ended = asdict(launch), ending_of(folder, launch)
    return Recorded(folder.name, record, _owner(folder), asdict(ended), asdict(_note(folder)))


def stamp_of(folder: RunFolder) -> str:
    """Give what changes when a file of the folder or of one of its steps comes or is replaced."""
    try:
        with os.scandir(folder.path) as entries:
            steps = [entry.stat().st_mtime_ns for entry in entries if entry.is_dir()]
        return f"{folder.path.stat().st_mtime_ns} {max(steps, default=0)}"
    except OSError:  # deleted meanwhile
        return ""


def _note(folder: RunFolder) -> RunNote:
    try:
        return load_note(folder)
    except SlipwayError as reason:  # one damaged file must not hide the list
        return RunNote(text=reason.message)


def _owner(folder: RunFolder) -> str:
    try:
        return read_text(folder.owner).strip() if folder.owner.is_file() else ""
    except SlipwayError:
        return ""
