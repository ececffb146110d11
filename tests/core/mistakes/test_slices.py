from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.mistakes.dimensions import DIMENSIONS
from pipeline.core.mistakes.lost_most import lost_most
from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.precision import precision_of
from pipeline.core.mistakes.slice_areas import Areas
from pipeline.core.mistakes.sums import counts, images
from pipeline.core.mistakes.worst_slices import worst_slices
from tests.core.mistakes.sliced import SIDES, cut, images_of, made
from tests.core.mistakes.tables import TABLES, drawn, table

BOX, FAR = (100, 100, 200, 200), (400, 400, 450, 450)
THIRTY = tuple(map(str, range(30)))


def evenly(targets):
    return 0.3


def small_stars(targets):
    is_bad = (targets["class"] == 2) & (targets["side"] == SIDES[0])
    return is_bad.cast(pl.Float64) * 0.7 + 0.05


@settings(max_examples=25, deadline=None)
@given(TABLES)
def test_slices_sum_up_to_the_test(boxes):
    test = cut(boxes, images_of(boxes, "c/empty.jpg"), THIRTY)
    every = counts(judged(boxes))
    targets = int((boxes["role"] == "target").sum())
    seen = sum(every.values()) - every["missed"]
    for name in ("class", "size", "share", "aspect", "crowding", "folder"):
        found = test.by(name)
        for column, total in (
            ("targets", targets),
            ("predictions", seen),
            ("right", every["right"]),
        ):
            assert sum(getattr(own, column) for own in found) == total
        for own in found:
            rows = test.images_of(own.place)
            assert len(rows) == own.images
            assert rows["count"].is_sorted(descending=True)
            assert own.recall is None or own.recall.value == own.right / own.targets
            assert own.precision is None or own.precision.value == own.right / own.predictions
            for rate in filter(None, (own.recall, own.precision)):
                assert 0 <= rate.low <= rate.value <= rate.high <= 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from((1, 3, 30)))
def test_map50_of_a_class_and_of_a_slice_that_is_the_whole_test_are_ultralytics(seed, classes):
    boxes = drawn(seed, classes=classes)  # of equally confident predictions any may come first
    every = images_of(boxes)
    measured = precision_of(boxes)
    whole = every.with_columns(brightness=pl.lit(7.0))
    areas = Areas(boxes, images(judged(boxes), whole), THIRTY)
    ap = dict(zip(measured.classes.tolist(), measured.ap[:, 0], strict=True))
    assert areas.by("class") == [pytest.approx(ap[of]) if of in ap else None for of in range(30)]
    expected = pytest.approx(measured.summary()["mAP50"]) if ap else None
    assert [area for area in areas.by("brightness") if area is not None] == [expected] * bool(ap)


def test_predictions_belong_to_the_size_of_the_target_that_they_met():
    boxes = table(
        ("a.jpg", "target", 0, None, (0, 0, 32, 32)),
        ("a.jpg", "prediction", 0, 0.9, (0, 0, 33, 33)),
        ("a.jpg", "prediction", 1, 0.9, FAR),
    )
    test = cut(boxes, images_of(boxes))
    small, medium = test.by("size")
    assert small.labels == ("small, to 32² px",)
    assert (small.targets, small.predictions, small.right) == (1, 1, 1)
    assert (medium.targets, medium.predictions, medium.recall) == (0, 1, None)
    assert medium.precision.value == 0


def test_crowded_dark_blurred_and_nested_images_are_told_with_their_bounds():
    boxes = drawn(1, images=8)
    every = images_of(boxes, "c/d/empty.jpg", "top.jpg")
    every = every.with_columns(
        brightness=pl.Series(np.linspace(10, 100, len(every)), dtype=pl.Float32)
    )
    test = cut(boxes, every)
    assert "no target" in [own.labels[0] for own in test.by("crowding")]
    brightness = [own.labels[0] for own in test.by("brightness")]
    assert brightness[0].startswith("darkest quarter, to 3")
    assert len(brightness) == 4
    assert test.by("sharpness") == []
    assert {own.labels[0] for own in test.by("folder")} == {"a", "b", "c/d", "(no folder)"}


def test_a_planted_bad_slice_is_found_first_and_alone():
    for seed in range(5):
        worst = worst_slices(cut(*made(seed, small_stars, 300)))
        assert worst[0].place == (("class", 2), ("size", 0))
        assert worst[0].labels == ("star", "small, to 32² px")
        assert worst[0].recall.value < 0.5 < worst[0].recall.rest
        assert worst[0].lost_more == pytest.approx(
            worst[0].targets * (worst[0].recall.rest - worst[0].recall.value)
        )
        assert len(worst) == 1, worst


def test_a_simple_bad_slice_is_told_simply():
    def at_night(targets):
        return (targets["folder"] == "night").cast(pl.Float64) * 0.3 + 0.1

    worst = worst_slices(cut(*made(3, at_night, 300)))
    assert [own.labels for own in worst] == [("night",)]
    [night] = [own for own in cut(*made(3, at_night, 300)).by("folder") if own.labels == ("night",)]
    assert night.recall.is_other
    assert night == worst[0]


def test_chance_alone_is_told_in_fewer_than_one_of_twenty_tests():
    told = [bool(worst_slices(cut(*made(seed, evenly)))) for seed in range(60)]
    assert sum(told) <= 3


def test_intervals_hold_the_truth_nineteen_times_of_twenty():
    held, other = [], []
    for seed in range(40):
        for own in cut(*made(seed, evenly)).by("size"):
            held.append(own.recall.low <= 0.7 <= own.recall.high)
            other.append(own.recall.is_other)
    assert np.mean(held) >= 0.9
    assert np.mean(other) <= 0.1


def test_the_spread_is_that_of_images_not_of_boxes():
    def by_image(targets):
        return (targets["number"] % 2).cast(pl.Float64)

    def by_box(targets):
        return 0.5

    wide, narrow = (
        (rate.low, rate.high)
        for rate in (cut(*made(1, lost)).by("folder")[0].recall for lost in (by_image, by_box))
    )
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_few_images_never_differ_by_more_than_chance():
    rows = [(f"{number}.jpg", "target", 0, None, BOX) for number in range(9)]
    rows += [(f"{number}.jpg", "target", 1, None, FAR) for number in range(9)]
    rows += [(f"{number}.jpg", "prediction", 0, 0.9, BOX) for number in range(9)]
    boxes = table(*rows)
    found = cut(boxes, images_of(boxes)).by("class")
    assert [own.recall.value for own in found] == [1, 0]
    assert not any(own.recall.is_other for own in found)


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (("a.jpg", "target", 0, None, BOX),),
        (("a.jpg", "prediction", 0, 0.9, BOX),),
        (("a.jpg", "prediction", 0, 0.1, BOX),),
        (("a.jpg", "target", 0, None, BOX), ("a.jpg", "prediction", 0, 0.9, BOX)),
    ],
)
@pytest.mark.parametrize("empty", [(), ("empty.jpg",)])
def test_tests_of_nearly_nothing_have_slices_too(rows, empty):
    boxes = table(*rows)
    every = images_of(boxes, *empty)
    test = cut(boxes, every, ("thing",))
    areas = Areas(boxes, test.images, ("thing",))
    for name in DIMENSIONS:
        for own in test.by(name, areas):
            assert (own.recall is None) == (own.map50 is None) == (own.targets == 0)
            assert own.recall is None or not own.recall.is_other
    assert worst_slices(test) == []
    assert lost_most(test) is None


def test_boxes_of_unknown_images_are_in_no_slice_and_images_told_twice_count_their_boxes_once():
    boxes = table(
        ("a.jpg", "target", 0, None, BOX),
        ("b.jpg", "target", 0, None, BOX),
        ("b.jpg", "prediction", 0, 0.9, BOX),
    )
    every = images_of(boxes)
    unknown = cut(boxes, every.head(1), ("thing",)).by("class")
    assert [(own.targets, own.right) for own in unknown] == [(1, 0)]
    twice = cut(boxes, pl.concat([every, every]), ("thing",)).by("class")
    assert [(own.targets, own.right) for own in twice] == [(2, 1)]


def test_most_of_what_is_missed_is_described():
    told = lost_most(cut(*made(1, small_stars, 300)))
    assert told.class_id == 2
    assert SIDES[0] < told.below_px <= SIDES[1]
    assert told.share_of_missed > 0.5 > told.share_of_targets


def test_only_the_size_or_only_the_class_is_told_where_that_is_all():
    def small(targets):
        return (targets["side"] == SIDES[0]).cast(pl.Float64) * 0.7 + 0.02

    def star(targets):
        return (targets["class"] == 2).cast(pl.Float64) * 0.7 + 0.02

    told = lost_most(cut(*made(1, small, 300)))
    assert (told.class_id, told.below_px is None) == (None, False)
    told = lost_most(cut(*made(1, star, 300)))
    assert (told.class_id, told.below_px) == (2, None)


def test_nothing_is_told_where_misses_are_spread_as_targets_are():
    assert not any(lost_most(cut(*made(seed, evenly))) for seed in range(20))


def test_a_box_of_an_image_without_a_known_size_has_no_share():
    box = (0, 0, 64, 48)
    boxes = table(("a", "target", 0, None, box), ("b", "target", 0, None, box))
    images = images_of(boxes).with_columns(width=pl.Series([640, None], dtype=pl.UInt32))
    (known,) = cut(boxes, images).by("share")
    assert (known.labels, known.targets, known.images) == (("0.1 to 1 % of the image",), 1, 1)
