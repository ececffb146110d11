from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.mistakes.cost import KINDS, cost_of_kinds
from tests.core.mistakes.tables import drawn, table

BOX = (100, 100, 200, 200)
NEAR = (100, 100, 200, 130)


def test_what_is_right_costs_nothing():
    rows = table(("a", "target", 1, None, BOX), ("a", "prediction", 1, 0.9, BOX))
    assert cost_of_kinds(rows) == dict.fromkeys(KINDS, 0.0)


@pytest.mark.parametrize(
    ("of", "box", "kind"),
    [(2, BOX, "wrong_class"), (1, NEAR, "badly_placed")],
)
def test_a_box_that_would_have_its_target_costs_all_of_it(of, box, kind):
    rows = table(("a", "target", 1, None, BOX), ("a", "prediction", of, 0.9, box))
    assert {name: cost for name, cost in cost_of_kinds(rows).items() if cost} == {
        kind: pytest.approx(1)
    }


def test_a_missed_target_costs_what_could_be_found_of_it():
    found = ("a", "target", 1, None, BOX), ("a", "prediction", 1, 0.9, BOX)
    cost = cost_of_kinds(table(*found, ("b", "target", 1, None, BOX)))
    assert cost["missed"] == pytest.approx(50 / 101)


def test_a_model_that_finds_nothing_loses_all_by_what_it_misses():
    cost = cost_of_kinds(table(("a", "target", 1, None, BOX)))
    assert cost == {**dict.fromkeys(KINDS, 0.0), "missed": 1.0}


def test_nothing_costs_nothing():
    assert cost_of_kinds(table()) == dict.fromkeys(KINDS, 0.0)
    assert cost_of_kinds(table(("a", "prediction", 1, 0.9, BOX)))["background"] == 0


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from((1, 2, 5, 30)),
    st.sampled_from((1, 5, 30)),
    st.sampled_from((100, 640)),
)
def test_costs_are_those_of_tide(seed, classes, targets, side):
    boxes = drawn(seed, classes=classes, targets=targets, side=side)
    assert cost_of_kinds(boxes) == pytest.approx(of_tide(boxes.to_dicts()), abs=1e-9)


def of_tide(rows):
    """Mend one kind after the other as tidecv does, box by box."""
    points, kinds, chance = [], {}, {}
    wanted = Counter(row["class"] for row in rows if row["role"] == "target")
    used = set()
    turns = sorted(
        (n for n, row in enumerate(rows) if row["role"] == "prediction"),
        key=lambda n: -rows[n]["conf"],
    )
    near = {}
    for n in turns:
        at = [t for t, r in enumerate(rows) if r["role"] == "target"]
        near[n] = {t: iou(rows[t], rows[n]) for t in at if rows[t]["image"] == rows[n]["image"]}
        own = [t for t in near[n] if rows[t]["class"] == rows[n]["class"] and t not in used]
        best = max(own, key=near[n].__getitem__, default=None)
        if best is not None and near[n][best] >= 0.5:
            used.add(best)
        else:
            kinds[n] = None
        points.append((n, rows[n]["class"], n not in kinds))
    for n in kinds:
        own = [t for t in near[n] if rows[t]["class"] == rows[n]["class"]]
        best = max(own, key=near[n].__getitem__, default=None)
        other = max(set(near[n]) - set(own), key=near[n].__getitem__, default=None)
        with_own, with_other = near[n].get(best, 0), near[n].get(other, 0)
        if 0.1 <= with_own <= 0.5:
            kinds[n], hoped = "badly_placed", best
        elif with_other >= 0.5:
            kinds[n], hoped = "wrong_class", other
        else:
            hoped = None
            kinds[n] = "doubled" if with_own >= 0.5 else "both"
            if max(with_own, with_other) <= 0.1:
                kinds[n] = "background"
        if hoped is not None and hoped not in used:
            chance.setdefault(hoped, n)
    wins = {n: t for t, n in chance.items()}
    base = mean(points, wanted, wanted)
    costs = {}
    for kind in KINDS[:-1]:
        after = [
            (n, rows[wins[n]]["class"], True) if kinds.get(n) == kind else (n, of, hit)
            for n, of, hit in points
            if kinds.get(n) != kind or n in wins
        ]
        costs[kind] = max(mean(after, wanted, wanted) - base, 0)
    left = Counter(rows[t]["class"] for t in used | set(chance))
    return {**costs, "missed": max(mean(points, left, wanted) - base, 0)}


def mean(points, wanted, classes):
    values = []
    for of in classes:
        hits = [hit for _, c, hit in points if c == of]
        if wanted[of]:
            values.append(area(hits, wanted[of]))
        elif hits:
            values.append(0)
    return sum(values) / len(values) if values else 1


def area(hits, positives):
    curve, found = [], 0
    for number, hit in enumerate(hits, 1):
        found += hit
        curve.append((found / positives, found / number))
    return sum(max((p for r, p in curve if r >= at / 100), default=0) for at in range(101)) / 101


def iou(one, other):
    width = min(one["x2"], other["x2"]) - max(one["x1"], other["x1"])
    height = min(one["y2"], other["y2"]) - max(one["y1"], other["y1"])
    both = max(width, 0) * max(height, 0)
    areas = ((r["x2"] - r["x1"]) * (r["y2"] - r["y1"]) for r in (one, other))
    return both / (sum(areas) - both)
