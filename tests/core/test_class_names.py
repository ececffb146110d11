from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.class_names import unique_labels, unique_names


@pytest.mark.parametrize(
    ("labels", "told_apart"),
    [
        (("cat", "dog"), ("cat", "dog")),
        (("cat", "dog", "cat"), ("cat (0)", "dog", "cat (2)")),
        (("cat", "cat (0)", "cat"), ("cat (0) (0)", "cat (0) (1)", "cat (2)")),
        ((), ()),
    ],
)
def test_only_what_is_called_alike_gets_its_id(
    labels: tuple[str, ...], told_apart: tuple[str, ...]
) -> None:
    assert unique_labels(labels) == told_apart


def test_the_id_is_the_class_s_own() -> None:
    assert unique_names({3: "cat", 7: "cat"}) == {3: "cat (3)", 7: "cat (7)"}


@given(st.lists(st.sampled_from(("a", "a (0)", "a (1)", "a (0) (1)", "b"))))
def test_names_always_differ(labels: list[str]) -> None:
    found = unique_labels(labels)
    assert len(set(found)) == len(labels)
    assert unique_labels(found) == found
