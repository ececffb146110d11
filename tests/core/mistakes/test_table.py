from __future__ import annotations

from pathlib import Path

from pipeline.core.mistakes.table import image_name, images_base


def test_images_are_named_from_the_split_s_folder(tmp_path: Path) -> None:
    base = images_base([tmp_path])
    assert image_name(f"{tmp_path}/night/1.jpg", base) == "night/1.jpg"


def test_images_of_a_list_are_named_from_where_the_list_lies(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    base = images_base([tmp_path / "lists" / "test.txt"])
    assert image_name(f"{tmp_path}/lists/1.jpg", base) == "1.jpg"
    assert image_name(f"{tmp_path}/images/1.jpg", base) == "../images/1.jpg"


def test_images_of_the_same_name_in_two_folders_of_a_split_differ(tmp_path: Path) -> None:
    folders = [tmp_path / "day", tmp_path / "night"]
    for folder in folders:
        folder.mkdir()
    names = {image_name(f"{folder}/1.jpg", images_base(folders)) for folder in folders}
    assert names == {"day/1.jpg", "night/1.jpg"}
