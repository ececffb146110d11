"""Label files: the same instances as Ultralytics' loader keeps, and mistakes by line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.core.dataset.labels.lines import parse_label

CLASSES = 3

_ODD_NUMBERS = (
    "0 1 0.5 .5 1e-3 1.01 1.0100001 1.02 -0 -0.01 -0.005 -0.0101 nan inf 1e40 -1e40 1_0 0x1 abc ２"
)
_numbers = st.one_of(
    st.sampled_from(_ODD_NUMBERS.split()),
    st.floats(0, 1, width=32).map(str),
    st.floats(-0.02, 1.02).map(str),
)
_good_numbers = st.sampled_from(["0.25", "0.5", ".5", "0.50000001", "0.75", "0", "-0", "1"])
_class_ids = st.sampled_from(["0", "1", "2", "2.0", "-0", "3", "-1", "0.5", "1e30", "x"])
_good_class_ids = st.sampled_from(["0", "1", "2", "2.0"])


def _lines(class_ids: st.SearchStrategy[str], numbers: st.SearchStrategy[str], columns: list[int]):
    line = st.sampled_from(columns).flatmap(
        lambda count: st.tuples(class_ids, *[numbers] * (count - 1)).map(" ".join)
    )
    return st.lists(st.one_of(line, st.sampled_from(["", "  "])), max_size=6)


_files = st.one_of(
    _lines(_good_class_ids, _good_numbers, [5]),
    _lines(_good_class_ids, _good_numbers, [7, 9, 11]),
    _lines(_good_class_ids, _numbers, [5]),
    _lines(_good_class_ids, _numbers, [3, 7, 9]),
    _lines(_class_ids, _good_numbers, [5]),
    _lines(_class_ids, _numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "one.png"
    Image.new("RGB", (16, 16)).save(path)
    return path


def _ultralytics(image: Path, data: bytes, keypoints: tuple[int, int]) -> Counter[int] | None:
    """What Ultralytics keeps of a label file; None when it drops the image."""
    from ultralytics.data.utils import verify_image_label

    label = image.with_suffix(".txt")
    label.write_bytes(data)
    result = verify_image_label(
        (str(image), str(label), "", False, CLASSES, keypoints[0], keypoints[1], False)
    )
    return None if result[0] is None else Counter(int(row[0]) for row in result[1])


@settings(
    max_examples=600,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    lines=_files,
    repeats=st.lists(st.integers(0, 5), max_size=3),
    ending=st.sampled_from(["\n", "\r\n", "\n\n", "\r", "\x1c"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    keypoints=st.sampled_from([(0, 0), (1, 2), (2, 3)]),
)
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")  # Ultralytics' own
def test_keeps_what_ultralytics_keeps(
    image: Path,
    lines: list[str],
    repeats: list[int],
    ending: str,
    mark: bytes,
    keypoints: tuple[int, int],
) -> None:
    lines = lines + [lines[index] for index in repeats if index < len(lines)]
    data = mark + ending.join(lines).encode()
    theirs = _ultralytics(image, data, keypoints)
    ours = parse_label(data, CLASSES, keypoints[0] * keypoints[1])
    assert (theirs is None) == bool(ours.mistakes), ours
    assert (theirs or Counter()) == Counter(ours.classes)
    if not ours.mistakes:
        assert ours.lines == len(ours.classes) + len(ours.duplicates)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    label = parse_label(data, CLASSES)
    assert not (label.mistakes and label.classes)


@pytest.mark.parametrize(
    ("text", "line", "code", "says"),
    [
        ("0 .5 .5 .1 .1\n1 .5 .5 .1", 2, "label-malformed", "4 columns instead of 5"),
        ("\n\n0 .5 .5 .1 .1\n3 .5 .5 .1 .1", 4, "label-class-unknown", "class 3 does not exist"),
        ("0 .5 .5 .1 1.02", 1, "label-out-of-range", "1.02 is not within 0 to 1"),
        ("0 .5 -0.5 .1 .1", 1, "label-out-of-range", "-0.5"),
        ("0 .5 .5 .1 .1\r\nx .5 .5 .1 .1", 2, "label-malformed", "'x' is not a number"),
        ("0.5 .5 .5 .1 .1", 1, "label-malformed", "class '0.5' is not a whole number"),
        ("0 .1 .1 .2 .2 .3 .1\n0 .5 .5 .1 .1", 2, "label-malformed", "a box among polygons"),
        ("0 .1 .1 .2 .2 .3 .1 .4", 1, "label-malformed", "pairs of x and y"),
    ],
)
def test_a_mistake_names_its_line(text: str, line: int, code: str, says: str) -> None:
    (mistake,) = parse_label(text.encode(), CLASSES).mistakes
    assert (mistake.line, mistake.code) == (line, code)
    assert says in mistake.message


def test_bytes_that_are_not_utf8_are_a_mistake_of_their_line() -> None:
    label = parse_label(b"0 .5 .5 .1 .1\n0 .5 \xff .1 .1\n", CLASSES)
    assert (label.lines, label.mistakes[0].line) == (2, 2)


def test_every_bad_line_is_named() -> None:
    label = parse_label(b"9 .5 .5 .1 .1\n0 .5 .5 .1 .1\n0 2 .5 .1 .1\n0\n", CLASSES)
    assert [mistake.line for mistake in label.mistakes] == [1, 3, 4]
    assert (label.lines, label.classes) == (4, ())


def test_a_duplicate_names_the_first_like_it() -> None:
    label = parse_label(b"0 .5 .5 .1 .1\n\n1 .5 .5 .1 .1\n0 0.50 .5 .1 .1\n", CLASSES)
    assert label.duplicates == ((4, 1),)
    assert label.classes == (0, 1)
