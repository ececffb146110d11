from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.cfg.train_cfg import check_cfg
from pipeline.core.errors import FileChanged, FileMissing, InputError, UnsafePath
from pipeline.core.findings import has_errors
from pipeline.core.launch.presets import list_presets, load_preset, save_preset
from pipeline.core.versions.history import list_versions
from pipeline.core.versions.templates import cfg_template, data_template, folder_for
from pipeline.core.volume.paths import Volume
from pipeline.core.yamltext.file import parse_yaml


def test_a_preset_gives_back_what_was_saved(tmp_path: Path) -> None:
    here = Volume(tmp_path)
    overrides = {"epochs": 3, "lr0": 1e-5, "optimizer": "SGD", "classes": [0, 2], "freeze": None}
    save_preset(here, "quick look", overrides, user="kim")
    assert list_presets(here) == ["quick look"]
    assert load_preset(here, "quick look") == overrides


def test_a_preset_is_replaced_only_on_purpose_and_has_versions(tmp_path: Path) -> None:
    here = Volume(tmp_path)
    save_preset(here, "a", {"epochs": 3}, user="kim")
    with pytest.raises(FileChanged):
        save_preset(here, "a", {"epochs": 4}, user="lee")
    save_preset(here, "a", {"epochs": 4}, user="lee", replace=True)
    assert load_preset(here, "a") == {"epochs": 4}
    assert [v.user for v in list_versions(here, "presets/a.yaml")] == ["lee", "kim"]


def test_a_preset_with_mistakes_is_not_applied(tmp_path: Path) -> None:
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "bad.yaml").write_text("epochs: 1\nepochz: 3\n")
    with pytest.raises(InputError) as caught:
        load_preset(Volume(tmp_path), "bad")
    assert caught.value.findings[0].where == "presets/bad.yaml:2"
    with pytest.raises(FileMissing):
        load_preset(Volume(tmp_path), "none")


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a", "/a", "a\0", "x" * 300])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafePath):
        save_preset(Volume(tmp_path), name, {"epochs": 3}, user="kim")
    assert list_presets(Volume(tmp_path)) == []


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_new_cfg_is_a_good_one(is_whole: bool) -> None:
    file = parse_yaml(cfg_template(is_whole=is_whole), name="cfg")
    assert file.data["epochs"] == 100
    assert not has_errors(check_cfg(file, {}))


def test_a_new_file_goes_where_its_kind_lies(tmp_path: Path) -> None:
    assert parse_yaml(data_template(), name="data").data["names"] == {0: "first", 1: "second"}
    assert folder_for(Volume(tmp_path), "data") == ""
    (tmp_path / "data-yaml").mkdir()
    assert folder_for(Volume(tmp_path), "data") == "data-yaml"
