"""What is remembered for a user between visits, in the state folder."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text, write_json


def load(state: Path, user: str) -> dict[str, Any]:
    """Give what is remembered for a user; a file that cannot be read counts as nothing."""
    try:
        document = json.loads(read_text(user_file(state, "preferences", user)))
    except (SlipwayError, json.JSONDecodeError):
        return {}  # preferences are a convenience: the next choice writes them anew
    return document if isinstance(document, dict) else {}


def remember(state: Path, user: str, **values: Any) -> None:
    """Keep these values for a user, beside what is kept already."""
    known = load(state, user)
    changed = {**known, **values}
    if changed != known:
        write_json(user_file(state, "preferences", user), changed)


def user_file(state: Path, folder: str, user: str, about: str = "") -> Path:
    """Give a user's JSON file; names that differ never share one, whatever letters they have."""
    slug = re.sub(r"[^A-Za-z0-9-]+", "-", f"{user}-{about}" if about else user)[:40].strip("-")
    digest = hashlib.sha256(f"{user}\0{about}".encode()).hexdigest()[:8]
    return state / folder / f"{slug or 'user'}-{digest}.json"
