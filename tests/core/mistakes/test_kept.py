from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from pipeline.core.mistakes.kept import Kept, read_kept


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
