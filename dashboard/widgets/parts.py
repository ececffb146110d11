"""Several parts in one place, of which one is shown and the others cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dashboard.i18n import tr
from dashboard.widgets.choosing import one_of


def show_one(parts: Mapping[str, Callable[[], None]], *, key: str, has_label: bool = True) -> None:
    """Offer parts by their names, marked texts, and show one of them, at first the first.

    Parameters
    ----------
    key
        Of the choice, in the session and in the URL.
    has_label
        Whether "More" stands above the choice.
    """
    names = {name: tr(name) for name in parts}
    parts[one_of(tr("More"), names, key, has_label=has_label, in_url=True)]()
