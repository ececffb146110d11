"""The setting ``fraction``: how much of a split is used."""

from __future__ import annotations


def used_images(fraction: float | list[float], images: int) -> int:
    """Give how many of the train split's images are used: a share up to 1, or a number."""
    share = fraction[0] if isinstance(fraction, list) else fraction
    wanted = max(1, round(images * share)) if share <= 1 else int(share)
    return min(wanted, images)
