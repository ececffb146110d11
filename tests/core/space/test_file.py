from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import FileChanged, UnsafePath
from pipeline.core.space.file import save_space
from pipeline.core.versions.history import list_versions
from pipeline.core.volume.paths import Volume

DOCUMENT = {"space": {"box": {"low": 5.0, "high": 9.0}}, "trials": 4}
TEXT = "space:\n  box: {low: 5.0, high: 9.0}\ntrials: 4\n"


def test_a_space_is_saved_under_a_name_that_a_launch_takes(volume: Path) -> None:
    place = Volume(volume)
    assert save_space(place, "wide", DOCUMENT, user="ann") == "tune-wide"
    assert (volume / "tune-wide.yaml").read_text() == TEXT
    with pytest.raises(FileChanged, match="exists already"):
        save_space(place, "tune-wide.yaml", DOCUMENT, user="ann")
    assert [version.user for version in list_versions(place, "tune-wide.yaml")] == ["ann"]


def test_saving_over_a_file_keeps_its_comments(volume: Path) -> None:
    place = Volume(volume)
    (volume / "tune-wide.yaml").write_text("# for nights\n" + TEXT.replace("4", "9  # many"))
    save_space(place, "wide", DOCUMENT, user="ann", replace=True)
    expected = "# for nights\n" + TEXT.replace("trials: 4", "trials: 4  # many")
    assert (volume / "tune-wide.yaml").read_text() == expected
    (volume / "tune-wide.yaml").write_text("space: [broken\n")
    save_space(place, "wide", DOCUMENT, user="ann", replace=True)
    assert (volume / "tune-wide.yaml").read_text() == TEXT


def test_a_file_in_the_folder_is_told_from_one_of_the_same_name(volume: Path) -> None:
    (volume / "cfg-yaml").mkdir()
    assert save_space(Volume(volume), "a", DOCUMENT, user="ann") == "tune-a"
    (volume / "tune-b.yaml").write_text(TEXT)
    assert save_space(Volume(volume), "b", DOCUMENT, user="ann") == "cfg-yaml/tune-b.yaml"


@pytest.mark.parametrize("name", ["", "../a", "a/b", "tune-", "a\0"])
def test_a_name_that_is_none_is_refused(volume: Path, name: str) -> None:
    with pytest.raises(UnsafePath):
        save_space(Volume(volume), name, DOCUMENT, user="ann")
