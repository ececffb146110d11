from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from pipeline.core.mistakes.cost import cost_of_kinds
from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.precision import precision_of
from pipeline.core.mistakes.size import by_share, by_size
from pipeline.core.mistakes.summary import read_summary, write_summary
from pipeline.core.mistakes.sums import counts
from pipeline.core.mistakes.table import BOXES, LEAST_CONF
from pipeline.core.mistakes.threshold import best_of_all, best_of_classes
from pipeline.core.volume.run_folder import RunFolder
from tests.core.mistakes.sliced import images_of
from tests.core.mistakes.tables import TABLES, drawn


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path)
    folder.step("test").mkdir()
    write(folder, drawn(1))
    write_summary(folder)
    return folder


def write(folder: RunFolder, boxes: pl.DataFrame) -> None:
    judged(boxes).cast(dict(BOXES)).write_parquet(folder.boxes)
    images_of(boxes).write_parquet(folder.tested_images)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(TABLES)
def test_what_is_read_is_what_the_table_says(folder: RunFolder, boxes: pl.DataFrame) -> None:
    write(folder, boxes)
    write_summary(folder)
    found, measured = read_summary(folder), precision_of(boxes)
    assert found is not None
    assert found.counts == counts(judged(boxes))
    assert found.cost == cost_of_kinds(boxes)
    assert found.metrics == measured.summary()
    assert found.sizes == by_size(boxes)
    assert found.shares == by_share(boxes, pl.read_parquet(folder.tested_images))
    best, least = best_of_all(measured), LEAST_CONF
    assert found.best == (best.from_kept(least) if best else None)
    assert found.best_of_classes == {
        of: best.from_kept(least) for of, best in best_of_classes(measured).items()
    }


def test_a_summary_of_other_tables_is_not_believed(folder: RunFolder) -> None:
    assert read_summary(folder) is not None
    write(folder, drawn(2))
    assert read_summary(folder) is None


def test_a_summary_from_before_shares_is_believed_without_them(folder: RunFolder) -> None:
    document = json.loads(folder.mistakes.read_text())
    del document["share"]
    folder.mistakes.write_text(json.dumps(document))
    found = read_summary(folder)
    assert found is not None
    assert found.sizes and found.shares is None


def test_without_a_summary_there_is_none(folder: RunFolder) -> None:
    folder.mistakes.unlink()
    assert read_summary(folder) is None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("cost", "missed"), 1.5),
        (("cost", "missed"), float("nan")),
        (("cost", "missed"), "0.5"),
        (("cost",), {}),
        (("counts", "right"), -1),
        (("counts", "right"), 0.5),
        (("metrics", "mAP50"), None),
        (("size", "small"), [1, 0.5]),
        (("size", "small", "ap"), 2),
        (("share", "0-0.001"), None),
        (("share", "0.1-1", "ap"), 2),
        (("share",), None),
        (("threshold", "all"), 0.5),
        (("threshold", "classes"), {"circle": None}),
        (("threshold", "classes"), []),
        (("of",), None),
    ],
)
def test_values_that_no_test_writes_are_not_believed(
    folder: RunFolder, place: tuple[str, ...], value: object
) -> None:
    document = json.loads(folder.mistakes.read_text())
    at = document
    for name in place[:-1]:
        at = at[name]
    at[place[-1]] = value
    folder.mistakes.write_text(json.dumps(document))
    assert read_summary(folder) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_summary_is_none(folder: RunFolder, content: bytes) -> None:
    folder.mistakes.write_bytes(content)
    assert read_summary(folder) is None
