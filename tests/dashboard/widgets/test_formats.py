from datetime import UTC, datetime

import pytest

from dashboard.widgets import formats

NOW = datetime(2026, 11, 23, 14, 32, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.68812, "0.688"), (0.1, "0.100"), (0.00001, "0.000"), (1.0, "1.000")],
)
def test_metrics_have_three_decimals(value: float, shown: str) -> None:
    assert formats.share(value) == shown


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_metric_that_is_not_there_is_a_dash(value: float | None) -> None:
    assert formats.share(value) == "–"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.42, "0.4 s"),
        (31, "31 s"),
        (720, "12 min"),
        (4320, "1 h 12 min"),
        (3600, "1 h"),
        (200_000, "2 d 7 h"),
        (None, "–"),
    ],
)
def test_durations_read_like_speech(seconds: float | None, shown: str) -> None:
    assert formats.duration(seconds) == shown


def test_times_are_relative_and_exact() -> None:
    assert formats.ago("2026-11-23T14:28:05.000Z", NOW) == "4 min ago"
    assert formats.ago("2026-11-23T14:32:03.000Z", NOW) == "just now"
    assert formats.ago("2026-11-23T14:31:57.000Z", NOW) == "8 s ago"
    assert formats.exact("2026-11-23T14:32:05.000Z") == "23 Nov 2026 14:32:05 UTC"
    assert formats.exact("") == ""


def test_a_run_that_has_no_end_lasts_until_now() -> None:
    assert formats.elapsed_s("2026-11-23T14:32:00.000Z", "", NOW) == 5
    assert formats.elapsed_s("", "", NOW) is None


def test_counts_and_sizes_have_their_noun_and_unit() -> None:
    assert formats.plural(1, "class", "classes") == "1 class"
    assert formats.plural(1312, "image") == "1,312 images"
    assert formats.size(6_234_567) == "6.2 MB"
    assert formats.size(512) == "512 B"
