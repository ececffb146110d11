"""No name that people or workflows give leads out of its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.core.errors import SlipwayError
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import new_launch_id
from pipeline.core.launch.presets import preset_path
from pipeline.core.launch.sweep import sweep_path
from pipeline.core.space.file import space_path
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import claim, folder_of_run, run_folder

HOSTILE = [
    "../x", "..", ".", "", "/etc/x", "a/../../x", "a/b", "a\0b", "-x/../y", "%2e%2e/x", "//x",
    "~/x", "\ud800", "x" * 5000,
]  # fmt: skip
NAMED: dict[str, Callable[[Volume, str], object]] = {
    "launch": run_folder,
    "uid": lambda volume, name: folder_of_run(volume, "", name),
    "preset": lambda _, name: preset_path(name),
    "space": space_path,
    "sweep": sweep_path,
}


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:20])
def test_a_hostile_name_is_refused_or_stays_one_name(tmp_path: Path, kind: str, name: str) -> None:
    volume = Volume(tmp_path / "volume")
    try:
        given = NAMED[kind](volume, name)
    except SlipwayError:
        return
    path = volume.root / str(getattr(given, "path", given))
    assert path.is_relative_to(volume.root)
    assert len(path.relative_to(volume.root).parts) <= 2
    assert ".." not in path.parts


@pytest.mark.parametrize("uid", ["../../../x", "a/b", "/etc/x", "a\0b"])
def test_a_hostile_uid_claims_nothing(tmp_path: Path, uid: str) -> None:
    volume = Volume(tmp_path / "volume")
    with pytest.raises(SlipwayError):
        claim(folder_of_run(volume, "20261123-1432-a-k3f9", uid), uid)
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:20])
def test_a_launch_id_is_a_plain_name_whatever_it_is_about(name: str) -> None:
    for choices in (Choices(name=name), Choices(model=name, data=name)):
        launch = new_launch_id(choices)
        assert launch.replace("-", "").isalnum() and launch.isascii() and len(launch) <= 60
