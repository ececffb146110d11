"""The settings of an installation as they may be shown: secrets are hidden."""

from __future__ import annotations

import os
from dataclasses import fields
from urllib.parse import urlsplit

from pipeline.core.settings import ENVIRONMENT, Settings
from pipeline.tracking.server import without_password

HIDDEN = "set, hidden"


def shown_settings(settings: Settings) -> dict[str, str]:
    """Give the value of each setting by its environment variable; what is not set is empty."""
    return {ENVIRONMENT[entry.name]: _shown(settings, entry.name) for entry in fields(settings)}


def _shown(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if value is None or value == "":
        return ""
    if name in _SECRETS:
        return HIDDEN
    if name == "webhook_url":  # whoever knows the path of a webhook may post to it
        return f"{urlsplit(value).scheme}://{urlsplit(value).hostname}/… ({HIDDEN})"
    if name == "data_roots":
        return os.pathsep.join(map(str, value))
    return ",".join(value) if isinstance(value, tuple) else without_password(str(value))


# What the dataclass keeps out of its own repr.
_SECRETS = {entry.name for entry in fields(Settings) if not entry.repr}
