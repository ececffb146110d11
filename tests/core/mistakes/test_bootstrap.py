from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from pipeline.core.mistakes.bootstrap import LEAST_IMAGES, METRICS, paired
from pipeline.core.mistakes.precision import precision_of
from tests.core.mistakes.tables import TABLES, drawn, table

BOX = (10, 10, 30, 30)


def images_of(boxes, *further):
    return pl.Series([*boxes["image"].cast(pl.String).unique(maintain_order=True), *further])


@settings(max_examples=30, deadline=None)
@given(TABLES, TABLES)
def test_without_a_draw_the_values_are_the_plain_ones(one, other):
    found = paired(one, other, images_of(pl.concat([one, other]), "empty"), replicates=0)
    for boxes, values in ((one, found.before), (other, found.after)):
        plain = precision_of(boxes).summary()
        assert values == pytest.approx({name: plain[name] for name in METRICS}, abs=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_interval_is_that_of_tables_that_are_drawn_and_measured(seed):
    one, other = drawn(seed, images=12), drawn(seed + 100, images=12)
    names = images_of(pl.concat([one, other]))
    found = paired(one, other, names, replicates=25).delta["mAP50-95"]
    random, deltas = np.random.default_rng(0), []
    for _ in range(25):
        chosen = names[random.integers(0, len(names), len(names))]
        before, after = (mean_ap(again(boxes, chosen)) for boxes in (one, other))
        deltas.append(after - before)
    assert (found.low, found.high) == pytest.approx(np.percentile(deltas, (2.5, 97.5)), abs=1e-9)


def test_the_answer_is_the_same_each_time():
    one, other = drawn(1, images=30), drawn(2, images=30)
    first, second = (paired(one, other, images_of(pl.concat([one, other])), 50) for _ in range(2))
    assert first == second
    assert first.replicates == 50


def test_what_is_better_in_most_images_is_more_than_chance():
    targets = [(f"{number}", "target", number % 2, None, BOX) for number in range(40)]
    found = [(f"{number}", "prediction", number % 2, 0.9, BOX) for number in range(40)]
    few, most = table(*targets, *found[:10]), table(*targets, *found[:36])
    images = images_of(few)
    better, worse = paired(few, most, images), paired(most, few, images)
    assert better.delta["mAP50"].low > 0 > worse.delta["mAP50"].high
    assert better.is_more_than_chance() and worse.is_more_than_chance()
    assert better.delta["mAP50"].value == pytest.approx(-worse.delta["mAP50"].value)


def test_one_image_that_is_found_more_could_be_chance():
    targets = [(f"{number}", "target", 0, None, BOX) for number in range(40)]
    found = [(f"{number}", "prediction", 0, 0.9, BOX) for number in range(40)]
    assert (
        paired(
            table(*targets, *found[:20]), table(*targets, *found[:21]), images_of(table(*targets))
        ).is_more_than_chance()
        is False
    )


def test_too_few_images_cannot_tell():
    targets = [(f"{number}", "target", 0, None, BOX) for number in range(LEAST_IMAGES - 1)]
    found = [(f"{number}", "prediction", 0, 0.9, BOX) for number in range(LEAST_IMAGES - 1)]
    images = images_of(table(*targets))
    answer = paired(table(*targets), table(*targets, *found), images)
    assert answer.delta["mAP50"].low > 0.9
    assert answer.is_more_than_chance() is None


@pytest.mark.parametrize(
    "boxes", [table(), table(("a", "prediction", 1, 0.9, BOX))], ids=["no box", "no target"]
)
def test_where_nothing_is_to_be_found_all_is_zero(boxes):
    found = paired(boxes, boxes, pl.Series(["a", "b"]))
    assert {*found.before.values(), *found.after.values()} == {0.0}
    assert (found.delta["mAP50"].low, found.delta["mAP50"].high) == (0, 0)


def again(boxes, names):
    """Write a table in which an image that is drawn twice stands twice, under two names."""
    own = boxes.with_columns(pl.col("image").cast(pl.String))
    parts = [
        own.filter(image=name).with_columns(image=pl.lit(f"{number}:{name}"))
        for number, name in enumerate(names)
    ]
    return pl.concat(parts).with_columns(pl.col("image").cast(pl.Categorical))


def mean_ap(boxes):
    return precision_of(boxes).summary()["mAP50-95"]
