"""Unsaved texts of the editor: kept in the state folder, so that a reload loses nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dashboard.i18n import tr_text
from dashboard.preferences import user_file
from pipeline.core.errors import FileMissing, SlipwayError
from pipeline.core.files import read_text, write_json


@dataclass(frozen=True)
class Draft:
    """What a user typed and has not saved.

    Parameters
    ----------
    text
        The whole text.
    base_sha256
        Of the file that was opened; the file may be another one by now.
    """

    text: str
    base_sha256: str


def load_draft(state: Path, user: str, path: str) -> Draft | None:
    """Give a user's unsaved text of a file, or None.

    Raises
    ------
    SlipwayError
        There is one and it cannot be read; what was typed is not thrown away unsaid.
    """
    file = user_file(state, "drafts", user, path)
    try:
        document = json.loads(read_text(file))
        return Draft(document["text"], document["base_sha256"])
    except FileMissing:
        return None
    except (json.JSONDecodeError, KeyError, TypeError) as reason:
        raise SlipwayError(
            tr_text("the unsaved text cannot be read."),
            where=str(file),
            next=tr_text("Remove this file."),
        ) from reason


def keep_draft(state: Path, user: str, path: str, draft: Draft) -> None:
    """Keep an unsaved text."""
    write_json(user_file(state, "drafts", user, path), asdict(draft))


def drop_draft(state: Path, user: str, path: str) -> None:
    """Forget an unsaved text."""
    user_file(state, "drafts", user, path).unlink(missing_ok=True)
