"""The picture of the worst images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from PIL import Image

from pipeline.core.files import write_json
from pipeline.core.mistakes.matching import judged
from pipeline.core.mistakes.table import BOXES, IMAGES
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder
from step_images.fonts import hangul
from step_images.test.worst import draw_worst
from tests.core.mistakes.tables import table

BOX, FAR = (40, 40, 120, 100), (160, 120, 280, 200)
WHITE, ORANGE = (255, 255, 255), (230, 159, 0)
TILE_PX = 320


class Seen:
    """A run on a volume, whose test saw boxes in black images."""

    def __init__(self, base: Path) -> None:
        self.volume, self.folder = Volume(base), RunFolder(base / "runs" / "one")
        self.images, self.data = base / "images", base / "data.yaml"
        self.images.mkdir()
        self.folder.step("test").mkdir(parents=True)
        self.data.write_text(yaml.safe_dump({"test": str(self.images), "names": {0: "a"}}))

    def saw(self, *rows: tuple[object, ...]) -> None:
        boxes = judged(table(*rows))
        boxes.cast(dict(BOXES)).write_parquet(self.folder.boxes)
        names = boxes["image"].cast(pl.String).unique(maintain_order=True)
        for name in names:
            Image.new("RGB", (320, 240)).save(self.images / name)
        every = pl.DataFrame({"image": names, "width": 320, "height": 240})
        every = every.with_columns(pl.lit(None).alias(name) for name in IMAGES.names()[3:])
        every.cast(dict(IMAGES)).write_parquet(self.folder.tested_images)

    def calls(self, *names: str) -> None:
        path = self.folder.step("test") / "confusion_matrix.json"
        write_json(path, {"labels": [*names, "background"]})

    def drawn(self) -> Image.Image | None:
        path = draw_worst(self.volume, self.folder, self.data, "test")
        if path is None:
            return None
        with Image.open(path) as opened:
            return opened.copy()


@pytest.fixture
def tested(tmp_path: Path) -> Seen:
    return Seen(tmp_path)


def share_of(
    picture: Image.Image, edge: tuple[slice, slice], colour: tuple[int, int, int]
) -> float:
    pixels = np.asarray(picture).astype(int)[edge]
    return float((np.abs(pixels - colour).max(-1) < 90).any(0).mean())


def test_labels_are_solid_and_predictions_dashed(tested: Seen) -> None:
    tested.saw(("one.jpg", "target", 0, None, BOX), ("one.jpg", "prediction", 0, 0.9, FAR))
    picture = tested.drawn()
    assert picture is not None
    top = (TILE_PX - 240) // 2  # an image lies in the middle of its tile
    label = share_of(picture, (slice(top + 38, top + 43), slice(45, 115)), WHITE)
    dashed = share_of(picture, (slice(top + 118, top + 123), slice(165, 275)), ORANGE)
    assert label == 1
    assert 0.3 < dashed < 0.9


def test_the_worst_twelve_are_a_sheet_and_one_that_is_gone_is_grey(tested: Seen) -> None:
    rows = [
        (f"{number:02}.jpg", "target", 0, None, BOX) for number in range(15) for _ in range(number)
    ]
    tested.saw(*rows)
    (tested.images / "14.jpg").write_bytes(b"no image")
    picture = tested.drawn()
    assert picture is not None
    assert picture.width == 4 * TILE_PX
    assert picture.getpixel((TILE_PX // 2, TILE_PX // 2)) == pytest.approx((128,) * 3, abs=4)
    assert picture.getpixel((3 * TILE_PX // 2, TILE_PX // 2)) == pytest.approx((0,) * 3, abs=30)


def test_an_image_outside_the_volume_is_not_opened(tested: Seen, tmp_path: Path) -> None:
    tested.saw(("a.jpg", "target", 0, None, BOX))
    outside = tmp_path.parent / f"{tmp_path.name}.jpg"
    (tested.images / "a.jpg").rename(outside)
    (tested.images / "a.jpg").symlink_to(outside)
    picture = tested.drawn()
    assert picture is not None
    assert picture.getpixel((TILE_PX // 2, TILE_PX // 2)) == pytest.approx((128,) * 3, abs=4)


def test_noise_is_no_larger_than_a_page_takes(tested: Seen) -> None:
    tested.saw(*((f"이미지 {number}.png", "target", 0, None, BOX) for number in range(12)))
    random = np.random.default_rng(1)
    for path in tested.images.iterdir():
        Image.fromarray(random.integers(0, 255, (640, 640, 3), np.uint8)).save(path)
    assert tested.drawn() is not None
    assert (tested.folder.step("test") / "worst.jpg").stat().st_size <= 400_000


def test_where_nothing_is_wrong_there_is_no_picture_and_none_of_before(tested: Seen) -> None:
    assert tested.drawn() is None, "no tables"
    tested.saw(("a.jpg", "target", 0, None, BOX))
    assert tested.drawn() is not None
    tested.saw(("a.jpg", "target", 0, None, BOX), ("a.jpg", "prediction", 0, 0.9, BOX))
    assert tested.drawn() is None
    assert not (tested.folder.step("test") / "worst.jpg").exists()


TOP = (TILE_PX - 240) // 2  # an image lies in the middle of its tile
ABOVE, BELOW = (
    (slice(TOP + top, TOP + bottom), slice(left, left + 60))
    for top, bottom, left in ((20, 32, 40), (208, 222, 160))
)


def ink_of(tested: Seen, *names: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give what is drawn above the label, below the prediction, and the whole picture."""
    tested.calls(*names)
    picture = tested.drawn()
    assert picture is not None
    pixels = np.asarray(picture).astype(int)
    return pixels[ABOVE], pixels[BELOW], pixels


def test_classes_are_named_at_their_boxes(tested: Seen) -> None:
    tested.saw(("one.jpg", "target", 0, None, BOX), ("one.jpg", "prediction", 1, 0.9, FAR))
    above, below, _ = ink_of(tested, "cat", "dog")
    assert above.min(-1).max() > 150, "white"
    assert below[..., 0].max() > 150 > below[..., 2].max(), "orange"
    above, below, _ = ink_of(tested, "cat")
    assert below.max() < 100, "an id without a name"
    (tested.folder.step("test") / "confusion_matrix.json").unlink()
    picture = tested.drawn()
    assert picture is not None
    assert np.asarray(picture)[ABOVE].max() < 100, "nobody knows the names"


def test_a_long_name_is_shortened_and_one_without_room_is_left_out(tested: Seen) -> None:
    tested.saw(("one.jpg", "target", 0, None, BOX))
    _, _, long = ink_of(tested, "a" * 13 + "b" * 90)
    _, _, longer = ink_of(tested, "a" * 13 + "c" * 200)
    assert np.array_equal(long, longer)
    corner = (0, 0, 30, 8)
    tested.saw(("one.jpg", "target", 0, None, corner))
    _, _, named = ink_of(tested, "name")
    _, _, empty = ink_of(tested)
    assert np.array_equal(named, empty), "neither above nor inside"


def test_names_do_not_cover_one_another(tested: Seen) -> None:
    tested.saw(*(("one.jpg", "target", 0, None, BOX) for _ in range(2)))
    _, _, twice = ink_of(tested, "cat")
    tested.saw(("one.jpg", "target", 0, None, BOX))
    _, _, once = ink_of(tested, "cat")
    inside = (slice(TOP + 44, TOP + 62), slice(44, 100))
    assert np.array_equal(twice[ABOVE], once[ABOVE])
    assert twice[inside].max() > 150 > once[inside].max()


@pytest.mark.skipif(hangul() is None, reason="no font with Hangul")
def test_hangul_is_drawn(tested: Seen) -> None:
    tested.saw(("one.jpg", "target", 0, None, BOX))
    star, moon = (ink_of(tested, name)[0] for name in ("별", "달"))
    assert not np.array_equal(star, moon), "what a font lacks is the same box for all"
