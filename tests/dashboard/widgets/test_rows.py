from __future__ import annotations

from dashboard.widgets.rows import chosen_before, rows_key


def test_other_rows_are_another_table() -> None:
    key = rows_key("models", ["a", "b"])
    assert key == rows_key("models", ["a", "b"])
    assert (
        len(
            {
                key,
                rows_key("models", ["b", "a"]),
                rows_key("models", ["a"]),
                rows_key("m", ["a", "b"]),
            }
        )
        == 4
    )


def test_what_is_chosen_is_found_again_by_its_name() -> None:
    assert chosen_before(["c", "a", "b"], ["a", "gone"])["selection"]["rows"] == [1]
