"""How a benchmark says what it found."""

from __future__ import annotations

from statistics import median


def compare(what: str, plain_s: float, ours_s: float, limit: str) -> None:
    """Print two times and their ratio beside what was promised."""
    ratio = ours_s / plain_s
    print(f"{what}: plain {plain_s:.2f} s, Slipway {ours_s:.2f} s, ratio {ratio:.2f} ({limit})")


def say(what: str, values_s: list[float], limit: str) -> None:
    """Print the median of several times beside what was promised."""
    spread = f"{min(values_s):.3f} to {max(values_s):.3f}"
    print(f"{what}: median {median(values_s):.3f} s of {len(values_s)} ({spread}) ({limit})")
