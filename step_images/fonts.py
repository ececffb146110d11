"""Fonts for what steps draw: one with Latin letters always, one with Hangul where it is."""

from __future__ import annotations

from matplotlib import font_manager

LATIN = "DejaVu Sans"
_HANGUL = ("NanumGothic", "Noto Sans CJK KR", "NanumBarunGothic", "Malgun Gothic")


def hangul() -> str | None:
    """Name a font that has Hangul; None where there is none."""
    known = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((name for name in _HANGUL if name in known), None)


def font_file() -> str:
    """Give the file of a font that has Hangul, too, where there is one."""
    return str(font_manager.findfont(hangul() or LATIN))
