"""Numbers and times as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from dashboard.i18n import tr, tr_plural
from dashboard.plain import Markdown


def share(value: float | None) -> Markdown:
    """Give a metric between 0 and 1 with three decimals: ``0.688``; nothing as a dash."""
    return Markdown("–" if value is None or math.isnan(value) else f"{value:.3f}")


def plural(count: float, singular: str, many: str = "") -> Markdown:
    """Give a count with its noun: ``1 image``, ``1,312 images``; both forms must be literals."""
    return tr_plural(f"{{count:,}} {singular}", f"{{count:,}} {many or singular + 's'}", count)


def size(count: int) -> Markdown:
    """Give bytes in the unit that people expect: ``6.2 MB``."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            is_whole = unit == "B" or value >= 100
            return Markdown(f"{value:.0f} {unit}" if is_whole else f"{value:.1f} {unit}")
        value /= 1000
    return Markdown(f"{value:.1f} TB")


def duration(seconds: float | None) -> Markdown:
    """Give a time span: ``0.4 s``, ``31 s``, ``12 min``, ``1 h 12 min``, ``2 d 3 h``."""
    if seconds is None or seconds < 0:
        return Markdown("–")
    if seconds < 10:
        return tr("{seconds:.1f} s", seconds=seconds)
    if seconds < 90:
        return tr("{seconds:.0f} s", seconds=seconds)
    minutes = round(seconds / 60)
    if minutes < 60:
        return tr("{minutes} min", minutes=minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return (
            tr("{hours} h {minutes} min", hours=hours, minutes=minutes)
            if minutes
            else tr("{hours} h", hours=hours)
        )
    days, hours = divmod(hours, 24)
    return tr("{days} d {hours} h", days=days, hours=hours) if hours else tr("{days} d", days=days)


def parse_time(text: str) -> datetime | None:
    """Read an ISO 8601 time in UTC; empty gives None."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def elapsed_s(started_at: str, finished_at: str = "", now: datetime | None = None) -> float | None:
    """Give the seconds between two times, until now while there is no end; None before a start."""
    start = parse_time(started_at)
    if start is None:
        return None
    end = parse_time(finished_at) or now or datetime.now(UTC)
    return max((end - start).total_seconds(), 0.0)


def ago(text: str, now: datetime | None = None) -> Markdown:
    """Give a time relative to now: ``just now``, ``4 min ago``."""
    seconds = elapsed_s(text, now=now)
    if seconds is None:
        return Markdown("–")
    if seconds < 5:
        return tr("just now")
    return tr("{duration} ago", duration=Markdown(duration(round(seconds)).replace(".0 s", " s")))


def exact(text: str) -> Markdown:
    """Give a time as ``23 Nov 2026 14:32:05 UTC``, for what shows on hover."""
    moment = parse_time(text)
    return tr("{moment:%d %b %Y %H:%M:%S} UTC", moment=moment) if moment else Markdown()
