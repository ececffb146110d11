from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.core.checks.file import check_file
from pipeline.core.errors import FileChanged, FileMissing, InputError, UnsafePath
from pipeline.core.versions.editing import open_text, save_text
from pipeline.core.volume.paths import Volume


def codes(volume: Path, path: str, text: str) -> list[str]:
    return [finding.code for finding in check_file(Volume(volume), path, text)]


@pytest.mark.parametrize(
    "name", ["cfg-custom.yaml", "data-custom.yaml", "yolov8-scratch.yaml", "tune-custom.yaml"]
)
def test_the_sample_files_are_good(sample_volume: Path, name: str) -> None:
    text, _ = open_text(Volume(sample_volume), name)
    assert [f for f in check_file(Volume(sample_volume), name, text) if f.severity == "error"] == []


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("cfg-a.yaml", "epoch: 3\n", "unknown-setting"),
        ("cfg-yaml/a.yml", "epochs: 0\n", "setting-range"),
        ("tune-a.yaml", "space: {lr: 1}\n", "unknown-setting"),
        ("m.yaml", "nc: 3\nbackbone: []\nhead: [[-1, 1, Detect, [nc]]]\n", "model-layers"),
        ("d.yaml", "names: {0: a}\ntrain: nowhere\nval: nowhere\n", "split-missing"),
        ("a.yaml", "a: [\n", "yaml-invalid"),
        ("a.yaml", "a: !!python/name:os.system\n", "yaml-invalid"),
        ("a.yaml", "# nothing yet\n", "empty-file"),
        ("../a.yaml", "epochs: 1\n", "unsafe-path"),
        ("runs/x/cfg.yaml", "epochs: 1\n", "unsafe-path"),
        ("a.txt", "epochs: 1\n", "unsafe-path"),
    ],
)
def test_what_is_wrong_with_a_text_is_said_before_saving(
    sample_volume: Path, name: str, text: str, code: str
) -> None:
    assert code in codes(sample_volume, name, text)


def test_a_finding_names_file_and_line(sample_volume: Path) -> None:
    (finding,) = check_file(Volume(sample_volume), "cfg-a.yaml", "# a\nepoch: 3\n")
    assert finding.where == "cfg-a.yaml:2"


def test_saving_what_was_opened(volume: Path) -> None:
    here = Volume(volume)
    text, digest = open_text(here, "cfg-custom.yaml")
    saved = save_text(here, "cfg-custom.yaml", text + "# 한국어\n", expected_sha256=digest)
    assert open_text(here, "cfg-custom.yaml") == (text + "# 한국어\n", saved.sha256)
    assert saved.sha256 == hashlib.sha256((volume / "cfg-custom.yaml").read_bytes()).hexdigest()


def test_a_file_that_changed_meanwhile_is_not_overwritten(volume: Path) -> None:
    here = Volume(volume)
    _, digest = open_text(here, "cfg-custom.yaml")
    (volume / "cfg-custom.yaml").write_text("epochs: 9\n")
    with pytest.raises(FileChanged):
        save_text(here, "cfg-custom.yaml", "epochs: 1\n", expected_sha256=digest)
    assert (volume / "cfg-custom.yaml").read_text() == "epochs: 9\n"
    (volume / "cfg-custom.yaml").unlink()
    with pytest.raises(FileChanged):
        save_text(here, "cfg-custom.yaml", "epochs: 1\n", expected_sha256=digest)
    assert not (volume / "cfg-custom.yaml").exists()


def test_a_new_file_is_made_once(tmp_path: Path) -> None:
    here = Volume(tmp_path)
    save_text(here, "cfg-yaml/cfg-new.yaml", "epochs: 1\n", expected_sha256="")
    with pytest.raises(FileChanged, match="exists already"):
        save_text(here, "cfg-yaml/cfg-new.yaml", "epochs: 2\n", expected_sha256="")
    assert [path.name for path in (tmp_path / "cfg-yaml").iterdir()] == ["cfg-new.yaml"]


def test_of_many_who_save_at_once_one_wins(tmp_path: Path) -> None:
    here = Volume(tmp_path)
    digest = save_text(here, "a.yaml", "epochs: 1\n", expected_sha256="").sha256

    def save(epochs: int) -> bool:
        try:
            save_text(here, "a.yaml", f"epochs: {epochs}\n", expected_sha256=digest)
        except FileChanged:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(save, range(2, 34))) == 1


@pytest.mark.parametrize(
    "name",
    ["../a.yaml", "/etc/a.yaml", "a.txt", "a", "runs/a/cfg.yaml", "./runs/a.yaml",
     "x/../runs/a.yaml", ".hidden.yaml", "", "a\0.yaml", "out/a.yaml", "old/a.yaml",
     ".history/files/a.yaml", "x/../.history/a.yaml", "kept/a.yaml", "."],
)  # fmt: skip
def test_only_yaml_files_of_people_are_saved(tmp_path: Path, name: str) -> None:
    root = tmp_path / "volume"
    (root / "runs").mkdir(parents=True)
    (root / "out").symlink_to(tmp_path)
    (root / "old").symlink_to(root / "runs")
    (root / ".history").mkdir()
    (root / "kept").symlink_to(root / ".history")
    with pytest.raises(UnsafePath):
        save_text(Volume(root), name, "epochs: 1\n", expected_sha256="")
    assert not list(tmp_path.rglob("*a.yaml"))


def test_a_link_inside_the_volume_stays_a_link(tmp_path: Path) -> None:
    here = Volume(tmp_path)
    digest = save_text(here, "a.yaml", "epochs: 1\n", expected_sha256="").sha256
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    save_text(here, "b.yaml", "epochs: 2\n", expected_sha256=digest)
    assert (tmp_path / "b.yaml").is_symlink()
    assert (tmp_path / "a.yaml").read_text() == "epochs: 2\n"


def test_what_cannot_be_opened_says_so(tmp_path: Path) -> None:
    here = Volume(tmp_path)
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"# a\nname: \xe4\n")
    with pytest.raises(UnsafePath):
        open_text(here, "pipe.yaml")
    with pytest.raises(UnsafePath):
        save_text(here, "pipe.yaml", "epochs: 1\n", expected_sha256="")
    with pytest.raises(InputError, match=r"latin\.yaml:2"):
        open_text(here, "latin.yaml")
    with pytest.raises(FileMissing):
        open_text(here, "none.yaml")


def test_a_text_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bytes"):
        save_text(Volume(tmp_path), "a.yaml", "#" * (5 << 20), expected_sha256="")
