"""How far run folders are read, which takes seconds when there are thousands of new ones."""

from __future__ import annotations

from typing import Any

from dashboard.i18n import tr

_MANY = 200


class Reading:
    """Shows progress in a container while many folders are read, and nothing for a few.

    Parameters
    ----------
    place
        Where to show it.
    """

    def __init__(self, place: Any) -> None:
        self._place = place
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Show how many folders are read of how many; the last call takes it away."""
        if self._bar is None:
            if total < _MANY:
                return
            self._bar = self._place.empty()
        if done >= total:
            self._bar.empty()
            self._bar = None
            return
        text = tr("Reading run folders: {done:,} of {total:,}", done=done, total=total)
        self._bar.progress(done / total, text)
