"""Many label files read by columns give what reading each line by line gives."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.dataset.labels import table as label_table
from pipeline.core.dataset.labels.table import MISSING, LabelTable, join_tables, parse_labels

CLASSES = 3
_token = st.one_of(
    st.sampled_from(
        [
            "0",
            "1",
            "2",
            "3",
            ".5",
            "-0",
            "-0.005",
            "1.01",
            "1.0100001",
            "1e-05",
            "1e400",
            "+1",
            "nan",
            "1_0",
            ".",
            "1-2",
            "x",
            ",5",
            "٢",
        ]
    ),
    st.floats(0, 1).map(str),
    st.sampled_from(["0.25", "0.5", "0.75"]),
)
_good = st.sampled_from(["0.25", "0.5", "0.50000001", ".75", "1", "0"])
_line = st.one_of(
    st.sampled_from([5, 7, 9, 11]).flatmap(
        lambda count: st.tuples(st.sampled_from("012"), *[_good] * (count - 1))
    ),
    st.sampled_from([1, 4, 5, 6, 8, 9]).flatmap(lambda count: st.tuples(*[_token] * count)),
    st.just(()),
)
_file = st.tuples(
    st.one_of(
        st.lists(st.tuples(st.sampled_from("012"), *[_good] * 4), max_size=5),
        st.lists(st.tuples(st.sampled_from("012"), *[_good] * 8), max_size=3),
        st.lists(_line, max_size=4),
    ),
    st.sampled_from([" ", " ", "  ", "\t"]),
    st.sampled_from(["\n", "\n", "\r\n", " \n", "\r", "\n\n", "\x0b"]),
    st.sampled_from(["", "\n", " ", "\n\n"]),
    st.sampled_from(["", "", "\ufeff", "\n", " "]),
).map(lambda f: (f[4] + f[2].join(f[1].join(row) for row in f[0]) + f[3]).encode())


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    files=st.lists(st.one_of(_file, st.just(MISSING), st.binary(max_size=12)), max_size=7),
    keypoint_columns=st.sampled_from([0, 0, 4, 6]),
)
def test_columns_and_lines_give_the_same(files: list, keypoint_columns: int) -> None:
    slow = parse_labels(files, CLASSES, keypoint_columns)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(label_table, "_FEW", 0)
        parts = [files[start : start + 3] for start in range(0, len(files), 3)]
        fast = join_tables([parse_labels(part, CLASSES, keypoint_columns) for part in parts])
    assert not _differences(fast, slow)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    files=st.lists(st.one_of(_file, st.just(MISSING)), max_size=7),
    some=st.lists(st.integers(-1, 6), max_size=9),
    new=st.sets(st.integers(0, 6)),
)
def test_a_table_is_taken_apart_and_put_together(files: list, some: list, new: set) -> None:
    table = parse_labels(files, CLASSES)
    some = [index for index in some if index < len(files)]
    taken = parse_labels([MISSING if index < 0 else files[index] for index in some], CLASSES)
    assert not _differences(table.take(np.array(some, np.intp)), taken)
    at = np.array(sorted(index for index in new if index < len(files)), np.intp)
    kept = np.arange(len(files))
    kept[at] = -1
    others = parse_labels([files[index] for index in at.tolist()], CLASSES)
    assert not _differences(table.take(kept).put(at, others), table)


def _differences(one: LabelTable, other: LabelTable) -> dict[str, tuple[Any, Any]]:
    """Give both values of each field in which two tables differ."""
    pairs = {
        field.name: (getattr(one, field.name), getattr(other, field.name))
        for field in fields(LabelTable)
    }
    return {
        name: pair
        for name, pair in pairs.items()
        if not (
            np.array_equal(*pair, equal_nan=True)
            if isinstance(pair[0], np.ndarray)
            else pair[0] == pair[1]
        )
    }
