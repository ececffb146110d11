from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from pipeline.core.errors import InputError
from pipeline.core.mistakes.marks import Mark, load_marks, remove_mark, save_mark, verdicts
from pipeline.core.volume.run_folder import RunFolder
from tests.core.mistakes.tables import table

BOX, OTHER = (10.4, 10.0, 30.0, 30.0), (50.0, 50.0, 70.0, 70.0)
MARK = Mark("a/1.jpg", "star", (10, 10, 30, 30), "spurious", "wrong", line=3, by="kim")


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "run")


def test_a_run_without_marks_has_none(folder):
    assert load_marks(folder) == []


def test_a_mark_is_kept_with_the_time_and_changed_in_its_place(folder):
    save_mark(folder, MARK)
    save_mark(folder, replace(MARK, image="b.jpg"))
    save_mark(folder, replace(MARK, verdict="right"))
    found = load_marks(folder)
    assert [(mark.image, mark.verdict) for mark in found] == [
        ("b.jpg", "wrong"),
        ("a/1.jpg", "right"),
    ]
    assert found[0].at.endswith("+00:00")
    remove_mark(folder, MARK)
    assert [mark.image for mark in load_marks(folder)] == ["b.jpg"]


def test_nobody_loses_a_mark_when_many_mark_at_once(folder):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: save_mark(folder, replace(MARK, image=f"{n}.jpg")), range(40)))
    assert len(load_marks(folder)) == 40


def test_labels_are_known_again_by_image_class_and_box():
    boxes = table(
        ("a/1.jpg", "target", 1, None, BOX),
        ("a/1.jpg", "target", 0, None, BOX),
        ("a/1.jpg", "target", 1, None, OTHER),
        ("b/1.jpg", "target", 1, None, BOX),
    )
    assert verdicts(boxes, [3, 0, 1, 2], ["circle", "star"], [MARK]) == [None, "wrong", None, None]
    assert verdicts(boxes, [0], ["circle", "star"], []) == [None]
    assert verdicts(boxes, [], ["circle", "star"], [MARK]) == []


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        '{"marks": 3}',
        '{"marks": [{"image": "a"}]}',
        json.dumps({"marks": [{**MARK.__dict__, "verdict": "perhaps"}]}),
        json.dumps({"marks": [{**MARK.__dict__, "box": "abcd"}]}),
        json.dumps({"marks": [{**MARK.__dict__, "line": "x"}]}),
        json.dumps({"marks": [{**MARK.__dict__, "more": 1}]}),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(folder, text):
    folder.path.mkdir()
    folder.label_marks.write_text(text)
    with pytest.raises(InputError) as raised:
        load_marks(folder)
    assert raised.value.where == str(folder.label_marks)
    with pytest.raises(InputError):
        save_mark(folder, MARK)
    assert folder.label_marks.read_text() == text, "nothing is written over it"
