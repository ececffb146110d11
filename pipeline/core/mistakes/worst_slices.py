"""The slices that hold more mistakes than the rest of the test explains, found without being asked.

Looked at are all slices of the dimensions and of pairs of them that have at least 30 targets and
one in a hundred of all. Those remain whose recall is lower than that of the rest by more than
chance. Of so many some look bad by luck: with Benjamini and Hochberg's (1995) procedure one in a
hundred of those that remain is false on average, which holds where slices share targets, too
(Benjamini and Yekutieli 2001, positive dependence). First is the slice with most mistakes beyond
the overall rate, at the low end of its 95 % interval: what is large and sure, rather than tiny and
bad. A slice of whose lost targets more than half are in slices told before is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Final

import numpy as np

from pipeline.core.mistakes.dimensions import DIMENSIONS
from pipeline.core.mistakes.pairs import Array
from pipeline.core.mistakes.resampling import SURE
from pipeline.core.mistakes.slices import Place, Slice, Sliced

MOST: Final = 6
LEAST_TARGETS: Final = 30
_LEAST_SHARE: Final = 0.01
_FALSE_SHARE: Final = 0.01
_TOLD_SHARE: Final = 0.5
# A share of the image says nearly what the size says.
_LOOKED_AT: Final = tuple(name for name in DIMENSIONS if name != "share")


@dataclass(frozen=True)
class _Candidate:
    place: Place
    apart: float
    lost_at_least: float


def worst_slices(test: Sliced, most: int = MOST) -> list[Slice]:
    """Give the slices to look at first, those that matter most before."""
    candidates = _beyond_chance(list(_candidates(test)))
    is_lost = test.is_target & ~test.is_right
    is_told = np.zeros(len(is_lost), dtype=bool)
    told: list[Slice] = []
    for candidate in sorted(candidates, key=lambda own: (-own.lost_at_least, len(own.place))):
        if len(told) == most or candidate.lost_at_least <= 0:
            break
        is_in = test.is_in(candidate.place)
        lost = is_in & is_lost
        if is_told[lost].mean() > _TOLD_SHARE:
            continue
        is_told |= lost
        told.append(_slice(test, candidate.place, is_in))
    return told


def _slice(test: Sliced, place: Place, is_in: Array) -> Slice:
    labels = tuple(test.cut(name).labels[code] for name, code in place)
    images = test.is_there(place).sum(keepdims=True)
    return test.described(np.where(is_in, 0, -1), [place], [labels], images)[0]


def _candidates(test: Sliced) -> Iterator[_Candidate]:
    rows = test.is_target
    number, is_right = test.number[rows], test.is_right[rows]
    codes = {name: test.codes(name)[rows] for name in _LOOKED_AT}
    least = max(LEAST_TARGETS, _LEAST_SHARE * len(number))
    every = test.drawing.counts(np.zeros(len(number), np.int8), number, is_right, 1)
    for names in (*((name,) for name in _LOOKED_AT), *combinations(_LOOKED_AT, 2)):
        widths = [len(test.cut(name).labels) for name in names]
        code, found = _large(_joined([codes[name] for name in names], widths), least)
        if not len(found):
            continue
        counted = test.drawing.counts(code, number, is_right, len(found))
        shares = test.drawing.shares(counted, every)
        size = counted[1].sum(1)
        at_least = shares.rest - shares.value - SURE * shares.spread
        beyond = at_least * size * (1 - size / len(number))
        for at, joint in enumerate(found):
            numbers = (joint,) if len(names) == 1 else divmod(joint, widths[1])
            place = tuple((name, int(own)) for name, own in zip(names, numbers, strict=True))
            yield _Candidate(place, float(shares.apart[at]), float(np.nan_to_num(beyond[at])))


def _joined(codes: list[Array], widths: list[int]) -> Array:
    """Give one number for both slices, -1 where a box is in none of one of them."""
    if len(codes) == 1:
        return codes[0]
    first, second = codes
    joint = first.astype(np.int32) * widths[1] + second
    return np.where((first >= 0) & (second >= 0), joint, -1)


def _large(code: Array, least: float) -> tuple[Array, Array]:
    """Number the slices anew that are large enough, and give their old numbers."""
    counts = np.bincount(code[code >= 0])
    found = np.flatnonzero(counts >= least)
    # The last is for -1.
    renumbered = np.full(len(counts) + 1, -1, dtype=np.int32)
    renumbered[found] = np.arange(len(found))
    return renumbered[code], found


def _beyond_chance(candidates: list[_Candidate]) -> list[_Candidate]:
    """Keep those that are worse than the rest, with so few false ones among them as is said."""
    cumulated = NormalDist().cdf
    ordered = sorted(candidates, key=lambda own: own.apart)
    kept = 0
    for place, own in enumerate(ordered, start=1):
        if cumulated(own.apart) <= _FALSE_SHARE * place / len(ordered):
            kept = place
    return ordered[:kept]
