"""What the folder of one launch says: what was asked for, how it ended, what people say of it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from pipeline.actions.ending import Ending, ending_of
from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text
from pipeline.core.launch.launch import Launch, load_launch
from pipeline.core.states import State
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.run_note import RunNote, load_note

# Where in the document lies what a list is sorted and narrowed by, in the order of the fields.
HEAD = (
    "$.record.id",
    "$.record.created_at",
    "$.record.engine",
    "$.owner",
    "$.ended.state",
    "$.unknown_to",
)


@dataclass(frozen=True)
class Recorded:
    """What the folder of a launch says; most of it is parsed when somebody asks for it.

    Parameters
    ----------
    name
        Of the folder.
    document
        JSON with ``record`` (as `Launch` has it), ``ended`` (as `Ending`) and ``said`` (as
        `RunNote`).
    id, created_at, engine
        Of the launch; empty where nothing (readable) says what was asked for.
    owner
        The uid of the workflow that writes there; empty before verify.
    state
        How the run ended.
    unknown_to
        The engine that was asked and does not know the run; empty when none was.
    """

    name: str
    document: str
    id: str
    created_at: str
    engine: str
    owner: str
    state: State
    unknown_to: str = ""

    @property
    def launch(self) -> Launch | None:
        """What was asked for."""
        return self._parsed[0]

    @property
    def ending(self) -> Ending:
        """How the run ended."""
        return self._parsed[1]

    @property
    def note(self) -> RunNote:
        """What people say about it."""
        return self._parsed[2]

    @cached_property
    def is_settled(self) -> bool:
        """Whether nobody writes there any more, as far as is known."""
        return self.state.is_finished or bool(self.unknown_to)

    def as_dict(self) -> dict[str, Any]:
        """Give everything but the name, as JSON can hold it."""
        return {**json.loads(self.document), "unknown_to": self.unknown_to}

    @cached_property
    def _parsed(self) -> tuple[Launch | None, Ending, RunNote]:
        document = json.loads(self.document)
        record, said = document["record"], document["said"]
        return (
            Launch.from_dict(record) if record else None,
            Ending.from_dict(document["ended"]),
            RunNote(**{**said, "tags": tuple(said["tags"])}),
        )


def read_folder(folder: RunFolder) -> Recorded:
    """Read what the folder of a launch says; what is damaged says nothing."""
    launch, ended, owner = None, Ending(State.UNKNOWN), _owner(folder)
    # Without one it was started in the engine's own UI and is not verified yet; or it is damaged.
    with suppress(SlipwayError):
        launch = load_launch(folder.launch)
        ended = ending_of(folder, launch)
    document = {
        "record": asdict(launch) if launch else None,
        "owner": owner,
        "ended": asdict(ended),
        "said": asdict(_note(folder)),
    }
    head = (launch.id, launch.created_at, launch.engine) if launch else ("", "", "")
    return Recorded(folder.name, json.dumps(document), *head, owner, ended.state)


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
