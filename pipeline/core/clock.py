"""Times as Slipway writes them: ISO 8601 in UTC, with milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> str:
    """Give the time now."""
    return _iso(datetime.now(UTC))


def utc_at(seconds: float) -> str:
    """Give a moment in seconds since 1970, such as a file's time."""
    return _iso(datetime.fromtimestamp(seconds, UTC))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
