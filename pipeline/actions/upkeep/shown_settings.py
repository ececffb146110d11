"""The settings of an installation as they may be shown: secrets are hidden."""

from __future__ import annotations

from pipeline.core.settings import SETTINGS, Settings


def shown_settings(settings: Settings) -> dict[str, str]:
    """Give the value of each setting by its environment variable; what is not set is empty."""
    found = {}
    for entry in SETTINGS:
        text = entry.kind.text(getattr(settings, entry.name))
        found[entry.variable] = entry.kind.shown(text) if text else ""
    return found
