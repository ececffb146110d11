import os
from pathlib import Path

import pytest

from pipeline.core.dataset.labels.of_image import ImageLabels, LabelLine, read_image_labels
from pipeline.core.errors import InputError, UnsafePath
from pipeline.core.volume.paths import Volume


@pytest.fixture
def image(tmp_path: Path) -> Path:
    for kind in ("images", "labels"):
        (tmp_path / "v" / kind).mkdir(parents=True)
    return tmp_path / "v" / "images" / "a.jpg"


def read(image: Path, text: str, keypoint_columns: int = 0) -> ImageLabels:
    (image.parents[1] / "labels" / "a.txt").write_text(text, encoding="utf-8")
    return read_image_labels(Volume(image.parents[1]), str(image), 3, keypoint_columns)


def test_a_box_becomes_left_top_width_height(image: Path) -> None:
    found = read(image, "\n1 0.5 0.5 0.2 0.4\n")
    assert found.path == "labels/a.txt" and not found.is_dropped
    line = found.lines[0]
    assert (line.number, line.class_id, line.text) == (2, 1, "1 0.5 0.5 0.2 0.4")
    assert line.box == pytest.approx((0.4, 0.3, 0.2, 0.4))


def test_polygons_keep_their_corners(image: Path) -> None:
    line = read(image, "0 0.1 0.2 0.5 0.2 0.5 0.8 0.1 0.8\n").lines[0]
    assert line.polygon == ((0.1, 0.2), (0.5, 0.2), (0.5, 0.8), (0.1, 0.8))
    assert line.box == pytest.approx((0.1, 0.2, 0.4, 0.6))


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("0.1 0.2 2 0 0 0 0.3 0.4 1", ((0.1, 0.2), (0.3, 0.4))),
        ("0.1 0.2 0.3 0.4", ((0.1, 0.2), (0.3, 0.4))),
    ],
)
def test_a_pose_has_a_box_and_its_visible_points(
    image: Path, points: str, expected: tuple[tuple[float, float], ...]
) -> None:
    line = read(image, f"2 0.5 0.5 0.2 0.2 {points}\n", len(points.split())).lines[0]
    assert line.keypoints == expected and line.box == pytest.approx((0.4, 0.4, 0.2, 0.2))


def test_every_line_says_what_is_wrong_with_it(image: Path) -> None:
    found = read(image, "0 0.5 0.5 0.1 0.1\n7 0.5 0.5 0.1 0.1\n0 x 0.5 0.1 0.1\n0 1.5 0.5 nan 1\n")
    assert found.is_dropped
    assert [bool(line.mistake) for line in found.lines] == [False, True, True, True]
    assert found.lines[1].class_id == 7 and found.lines[1].box is not None
    assert found.lines[2].box is None and found.lines[3].box is None


def test_a_repeated_line_is_named_and_the_image_is_kept(image: Path) -> None:
    found = read(image, "0 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1 0.1\n")
    assert not found.is_dropped
    assert [line.mistake for line in found.lines] == ["", "repeats line 1"]


def test_bytes_that_are_not_text_are_shown_as_far_as_possible(image: Path) -> None:
    (image.parents[1] / "labels" / "a.txt").write_bytes(b"0 \xff 0.5 0.1 0.1\n")
    found = read_image_labels(Volume(image.parents[1]), str(image), 3)
    assert found.is_dropped and "UTF-8" in found.lines[0].mistake


def test_a_long_line_is_cut(image: Path) -> None:
    assert len(read(image, "0 " + "0.5 " * 5000).lines[0].text) == 200


def test_an_image_without_a_label_is_a_background(image: Path) -> None:
    found = read_image_labels(Volume(image.parents[1]), str(image), 3)
    assert found == ImageLabels("labels/a.txt", is_there=False)
    assert read(image, "").lines == ()
    assert LabelLine(1, "").class_id is None


def test_only_what_the_volume_allows_is_read(image: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    label = image.parents[1] / "labels" / "a.txt"
    os.symlink(tmp_path / "secret.txt", label)
    with pytest.raises(UnsafePath):
        read_image_labels(Volume(image.parents[1]), str(image), 3)
    label.unlink()
    os.mkfifo(label)
    with pytest.raises(InputError):
        read_image_labels(Volume(image.parents[1]), str(image), 3)
