"""What people say about a run afterwards: a note, tags, and whether it is put aside."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from pipeline.core.errors import InputError
from pipeline.core.files import read_text, write_json
from pipeline.core.said import said
from pipeline.core.volume.run_folder import RunFolder

_MAX_TEXT = 4000


@dataclass(frozen=True)
class RunNote:
    """One run's note.

    Parameters
    ----------
    text
        Free text.
    tags
        Short words, sorted.
    is_archived
        Whether lists leave the run out.
    """

    text: str = ""
    tags: tuple[str, ...] = ()
    is_archived: bool = False


def load_note(folder: RunFolder) -> RunNote:
    """Read a run's note; a run without one has an empty note.

    Raises
    ------
    InputError
        The file is damaged.
    """
    if not folder.note.is_file():
        return RunNote()
    try:
        document = json.loads(read_text(folder.note))
        return RunNote(
            text=str(document["text"]),
            tags=tuple(map(str, document["tags"])),
            is_archived=bool(document["is_archived"]),
        )
    except (json.JSONDecodeError, KeyError, TypeError) as reason:
        raise InputError(
            said("the run's note cannot be read: {reason}.", reason=reason),
            where=str(folder.note),
            next=said("Remove the file, or write the note anew."),
        ) from reason


def save_note(folder: RunFolder, note: RunNote) -> None:
    """Write a run's note as a whole.

    Raises
    ------
    InputError
        The text is too long.
    """
    if len(note.text) > _MAX_TEXT:
        raise InputError(
            said(
                "The note has {count:,} characters; at most {most:,} are kept.",
                count=len(note.text),
                most=_MAX_TEXT,
            ),
            where="note",
            next=said("Shorten it."),
        )
    write_json(folder.note, asdict(note))


def tags_of(words: Iterable[str]) -> tuple[str, ...]:
    """Give tags as they are kept: trimmed, without commas, each once, sorted."""
    return tuple(sorted({word.strip() for part in words for word in part.split(",")} - {""}))
