from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from pipeline.core.mistakes.kept import Kept, left_out, read_kept
from tests.core.mistakes.tables import drawn


def table(path: Path, text: str | None) -> Path:
    metadata = None if text is None else {"slipway": text}
    pl.DataFrame({"image": ["a"]}).write_parquet(path / "boxes.parquet", metadata=metadata)
    return path / "boxes.parquet"


def test_what_a_test_says_of_its_table_is_read(tmp_path: Path) -> None:
    facts = {"conf": 0.25, "max_det": 50, "predictions_left_out": 3, "images_left_out": 1}
    assert read_kept(table(tmp_path, json.dumps(facts))) == Kept(**facts)
    assert read_kept(table(tmp_path, None)) == Kept(0.001, None, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "3",
        '{"conf": "much"}',
        '{"conf": 2}',
        '{"conf": NaN}',
        '{"images_left_out": -1}',
        '{"predictions_left_out": 0.5}',
        '{"more": 1}',
    ],
)
def test_what_no_test_says_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError):
        read_kept(table(tmp_path, text))


def test_what_was_left_out_is_said_and_only_that() -> None:
    boxes = drawn(1)
    most = boxes.filter(role="prediction").group_by("image").len()["len"].max()
    assert left_out(Kept(), boxes) == left_out(Kept(max_det=most + 1), boxes) == []
    found = left_out(Kept(0.25, most, 1_200, 1), boxes)
    assert [sentence.split(" ")[0] for sentence in found] == ["Boxes", "1,200", "Of", "Images"]
    assert "0.25" in found[0]
    assert f"at most {most} boxes" in found[2]
    assert left_out(Kept(max_det=1), boxes[:0]) == []
