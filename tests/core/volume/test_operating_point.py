from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.core.volume.operating_point import (
    OperatingPoint,
    load_operating_point,
    save_operating_point,
)
from pipeline.core.volume.run_folder import RunFolder

POINT = OperatingPoint(
    conf=0.42,
    wish="precision",
    value=0.9,
    precision=0.91,
    recall=0.7,
    f1=0.79,
    split="test",
    classes={"star": 0.3},
)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_it_is_kept_changed_and_forgotten(folder: RunFolder) -> None:
    assert load_operating_point(folder) is None
    for point in (POINT, replace(POINT, conf=0.5), None, None):
        save_operating_point(folder, point)
        assert load_operating_point(folder) == point


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", *(json.dumps(asdict(POINT) | {"conf": bad}) for bad in (2, "x", None))],
)
def test_a_damaged_file_is_an_error_that_names_it(folder: RunFolder, text: str) -> None:
    folder.operating_point.write_text(text)
    with pytest.raises(InputError) as raised:
        load_operating_point(folder)
    assert raised.value.where == str(folder.operating_point)
