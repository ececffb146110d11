from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.core.checks import uploads
from pipeline.core.checks.uploads import keep_upload
from pipeline.core.dataset.files.folders import dataset_roots, split_places
from pipeline.core.errors import FileChanged, InputError, UnsafePath
from pipeline.core.versions.history import list_versions
from pipeline.core.volume.paths import Volume
from tests.weights_files import evil_weights, sound_weights


def test_a_file_goes_to_the_folder_of_its_kind(tmp_path: Path) -> None:
    here = Volume(tmp_path)
    (tmp_path / "data-yaml").mkdir()
    assert keep_upload(here, "a.pt", sound_weights()) == "weights/a.pt"
    assert keep_upload(here, "list.txt", b"images/1.jpg\n") == "list.txt"
    assert keep_upload(here, "a.yaml", b"epochs: 3\n", user="kim") == "a.yaml"
    assert keep_upload(here, "d.yaml", b"names: {0: a}\ntrain: x\n") == "data-yaml/d.yaml"
    assert (tmp_path / "weights" / "a.pt").read_bytes() == sound_weights()
    (version,) = list_versions(here, "a.yaml")
    assert (version.user, version.message) == ("kim", "uploaded")
    assert [path.name for path in (tmp_path / "weights").iterdir()] == ["a.pt"]


@pytest.mark.parametrize("name", ["a.pt", "list.txt", "a.yaml", "d.yaml"])
def test_nothing_that_is_there_is_replaced(tmp_path: Path, name: str) -> None:
    here = Volume(tmp_path)
    contents = {"d.yaml": b"names: {0: a}\n", "a.pt": sound_weights()}
    data = contents.get(name, b"epochs: 3\n")
    keep_upload(here, name, data)
    with pytest.raises(FileChanged, match="exists already"):
        keep_upload(here, name, data)
    (tmp_path / "weights").mkdir(exist_ok=True)
    (tmp_path / "b.pt").write_bytes(b"at the root")
    with pytest.raises(FileChanged):
        keep_upload(here, "b.pt", sound_weights())


@pytest.mark.parametrize(
    "name", ["../a.yaml", "x/a.pt", "..\\a.pt", ".a.yaml", "a.exe", "a", "", "a\0.pt", "/etc/a.txt"]
)
def test_names_that_are_none_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafePath):
        keep_upload(Volume(tmp_path), name, b"epochs: 3\n")
    assert list(tmp_path.rglob("*")) == []


def test_what_is_too_large_or_no_text_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Volume(tmp_path)
    monkeypatch.setattr(uploads, "MAX_WEIGHTS_MB", 1)
    with pytest.raises(InputError, match="at most"):
        keep_upload(here, "a.pt", b"0" * ((1 << 20) + 1))
    with pytest.raises(InputError, match="at most"):
        keep_upload(here, "a.yaml", b"#" * (5 << 20))
    for name in ("a.yaml", "a.txt"):
        with pytest.raises(InputError, match="UTF-8"):
            keep_upload(here, name, b"\xff")
    with pytest.raises(InputError, match="not valid yaml"):
        keep_upload(here, "a.yaml", b"a: [\n")
    with pytest.raises(InputError, match="too long"):
        keep_upload(here, f"{'a' * 300}.pt", sound_weights())
    assert not list(tmp_path.rglob("*.*"))


def test_weights_that_would_run_code_or_are_none_are_not_kept(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with pytest.raises(InputError, match="mkdir") as refused:
        keep_upload(Volume(tmp_path), "a.pt", evil_weights(mark))
    assert [found.code for found in refused.value.findings] == ["weights-foreign-code"]
    with pytest.raises(InputError, match="zip archive"):
        keep_upload(Volume(tmp_path), "a.pt", b"PK\x03\x04 and no archive")
    assert list(tmp_path.rglob("*")) == []
    allow = (f"{os.mkdir.__module__}.mkdir",)
    assert keep_upload(Volume(tmp_path), "a.pt", evil_weights(mark), weights_allow=allow)


def test_folders_that_a_dataset_may_name_are_offered(sample_volume: Path) -> None:
    here = Volume(sample_volume)
    assert "datasets/shapes" in dataset_roots(here)
    assert "images/train" in split_places(here, "datasets/shapes")
    assert not any("labels" in name for name in split_places(here, "datasets/shapes"))
    assert split_places(here, "none") == []
    with pytest.raises(UnsafePath):
        split_places(here, "..")


def test_links_and_hidden_folders_are_not_offered(tmp_path: Path) -> None:
    for name in ("runs/a", ".history/x", "datasets/a/images/train"):
        (tmp_path / name).mkdir(parents=True)
    os.symlink("/etc", tmp_path / "out")
    assert dataset_roots(Volume(tmp_path)) == ["datasets", "datasets/a"]
