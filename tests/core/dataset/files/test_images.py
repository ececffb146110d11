"""Images are found and paired with labels by Ultralytics' own rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.core.dataset.files.images import IMAGE_SUFFIXES, check_image, label_path, read_small

_part = st.sampled_from(["images", "labels", "a", "x.y", "im ages", "그림", "."])


def test_suffixes_are_those_of_ultralytics() -> None:
    from ultralytics.data.utils import IMG_FORMATS

    assert IMAGE_SUFFIXES == IMG_FORMATS


@given(
    parts=st.lists(_part, max_size=6), name=st.sampled_from(["a.jpg", "a.b.PNG", "a", "images.jpg"])
)
def test_a_label_lies_where_ultralytics_looks_for_it(parts: list[str], name: str) -> None:
    from ultralytics.data.utils import img2label_paths

    image = "/" + "/".join([*parts, name])
    assert label_path(image) == img2label_paths([image])[0]


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 200_000])
def test_small_files_are_read_whole(tmp_path: Path, size: int) -> None:
    (tmp_path / "x").write_bytes(b"7" * size)
    assert read_small(str(tmp_path / "x")) == b"7" * size


def test_an_image_is_checked_again_after_a_change(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.new("RGB", (16, 16)).save(path)
    assert not check_image(str(path)).mistake
    path.write_bytes(path.read_bytes()[:40])
    assert "cannot be decoded" in check_image(str(path)).mistake
    path.unlink()
    assert "cannot be read" in check_image(str(path)).mistake


def test_a_format_that_ultralytics_does_not_read(tmp_path: Path) -> None:
    Image.new("L", (16, 16)).save(tmp_path / "x.png", format="PPM")
    assert "format ppm" in check_image(str(tmp_path / "x.png")).mistake
