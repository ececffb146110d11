"""The settings of an installation as they may be shown: secrets are hidden."""

from __future__ import annotations

import os
from dataclasses import fields

from pipeline.core.addresses import shown_address, shown_webhook
from pipeline.core.settings import ADDRESSES, ENVIRONMENT, SECRETS, Settings

HIDDEN = "set, hidden"


def shown_settings(settings: Settings) -> dict[str, str]:
    """Give the value of each setting by its environment variable; what is not set is empty."""
    return {ENVIRONMENT[entry.name]: _shown(settings, entry.name) for entry in fields(settings)}


def _shown(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if value is None or value == "":
        return ""
    if name in SECRETS:
        return HIDDEN
    if name == "webhook_url":  # whoever knows the path of a webhook may post to it
        return f"{shown_webhook(value)} ({HIDDEN})"
    if name == "data_roots":
        return os.pathsep.join(map(str, value))
    if name in ADDRESSES:
        return shown_address(value)
    return ",".join(value) if isinstance(value, tuple) else str(value)
